//! Which rule decides.

use super::*;
use crate::{
    grant::{Door, GrantId},
    message::Headers,
};

fn folder(text: &str) -> Folder {
    text.parse().expect("legal")
}

fn owner(text: &str) -> Owner {
    match text {
        "*" => Owner::Root,
        text => Owner::Folder(folder(text)),
    }
}

fn grant(target: &str, label: &str, suffix: Option<&str>) -> Grant {
    Grant {
        id: GrantId::from_u128(7),
        door: Door::Hook {
            label: label.parse().expect("legal"),
            suffix: suffix.map(|suffix| suffix.parse().expect("legal")),
        },
        owner_folder: folder(target),
        target_folder: folder(target),
        context: None,
        public_url: None,
        probe: false,
        created_at: Timestamp::from_millis(1),
        expires_at: None,
        revoked_at: None,
    }
}

fn rule(n: u128, whose: &str, pattern: &str, target: &str) -> NewRule {
    NewRule {
        id: RouteId::from_u128(n),
        owner: owner(whose),
        pattern: pattern.parse().expect("legal"),
        sender: None,
        headers: HeaderGlobs::default(),
        target: target.parse().expect("legal"),
        session_made: Some(MADE),
        seq: None,
        created_at: Timestamp::from_millis(1),
    }
}

fn asking(mut rule: NewRule, headers: &[(&str, &str)]) -> NewRule {
    rule.headers = HeaderGlobs::new(headers.iter().copied()).expect("legal");
    rule
}

fn table(rules: impl IntoIterator<Item = NewRule>) -> Table {
    rules.into_iter().fold(Table::default(), |table, rule| {
        table.with(rule).expect("there is room").0
    })
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let owned = pairs
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    Headers::from_pairs(owned.collect())
}

/// When the session `build` was made.
const MADE: Timestamp = Timestamp::from_millis(7);

/// `build` is an open session of acme/eng; every other has ended.
fn sessions(session: &SessionRef) -> Option<Folder> {
    let open = session.id.as_str() == "build" && session.made == MADE;
    open.then(|| folder("acme/eng"))
}

/// The rule that decides and where it sends; looked up and tried one by one, which must agree.
fn decided(table: &Table, grant: &Grant, pairs: &[(&str, &str)]) -> (Option<u128>, String) {
    let headers = headers(pairs);
    let outcome = table.decide(grant, &headers, &sessions);
    assert_eq!(table.explain(grant, &headers, &sessions).0, outcome);
    let mode = match outcome.mode {
        Mode::Trigger => "",
        Mode::Observe => "#observe",
    };
    let rule = outcome.rule.map(|matched| matched.id.as_u128());
    (rule, format!("{}{mode}", outcome.to.inbox))
}

fn by(table: &Table, grant: &Grant) -> Option<u128> {
    decided(table, grant, &[]).0
}

#[test]
fn without_a_rule_that_matches_it_is_the_grants_own_folder_and_rings() {
    let hook = grant("acme/eng", "github", None);
    let none = (None, "acme/eng".to_owned());
    assert_eq!(decided(&Table::default(), &hook, &[]), none);
    let other = table([rule(1, "*", "hook:acme/eng/linear", "ops")]);
    assert_eq!(decided(&other, &hook, &[]), none);
}

#[test]
fn a_rule_sends_to_a_folder_quietly_to_a_folder_or_to_a_session() {
    let hook = grant("acme/eng", "github", None);
    for (target, inbox) in [
        ("acme/ops", "acme/ops"),
        ("acme/ops#observe", "acme/ops#observe"),
        ("doorbell:/sessions/build", "doorbell:/sessions/build"),
    ] {
        let table = table([rule(1, "acme", "hook:**", target)]);
        assert_eq!(decided(&table, &hook, &[]), (Some(1), inbox.to_owned()));
    }
}

#[test]
fn containing_folders_come_first_then_seq_then_age() {
    let hook = grant("acme/eng", "github", None);
    let all = [
        rule(1, "acme/eng", "hook:**", "acme/eng"),
        rule(2, "acme", "hook:**", "acme"),
        rule(3, "*", "hook:**", "ops"),
    ];
    for skip in 0..3 {
        let table = table(all.iter().skip(skip).rev().cloned());
        assert_eq!(by(&table, &hook), Some(3), "the root's");
    }
    assert_eq!(by(&table(all[..2].to_vec()), &hook), Some(2), "the outer's");
    let at = |n, seq, age| NewRule {
        seq: Some(seq),
        created_at: Timestamp::from_millis(age),
        ..rule(n, "acme", "hook:**", "acme")
    };
    assert_eq!(by(&table([at(1, 20, 1), at(2, 10, 2)]), &hook), Some(2));
    assert_eq!(by(&table([at(1, 10, 2), at(2, 10, 1)]), &hook), Some(2));
}

#[test]
fn a_rule_stands_ten_behind_its_owners_last_unless_it_is_told_where() {
    let mut first = rule(1, "acme", "hook:**", "acme");
    first.seq = Some(35);
    let other = rule(2, "*", "hook:**", "acme");
    let table = table([first, other]);
    let (table, next) = table
        .with(rule(3, "acme", "hook:**", "acme"))
        .expect("room");
    assert_eq!(next.seq, 45);
    assert_eq!(
        table.iter().map(|rule| rule.seq).collect::<Vec<_>>(),
        [10, 35, 45]
    );
    let mut highest = rule(4, "acme", "hook:**", "acme");
    highest.seq = Some(MAX_SEQ);
    let (table, _) = table.with(highest).expect("room");
    let (_, next) = table
        .with(rule(5, "acme", "hook:**", "acme"))
        .expect("room");
    assert_eq!(next.seq, MAX_SEQ);
}

#[test]
fn what_decides_whose_rule_applies_is_the_grants_folder_and_never_the_text_of_its_jid() {
    // hook:acme/eng/x either way.
    let of_acme = grant("acme", "eng", Some("x"));
    let of_eng = grant("acme/eng", "x", None);
    assert_eq!(of_acme.jid(), of_eng.jid());
    for pattern in ["hook:acme/eng/*", "hook:acme/eng/x", "hook:**"] {
        let table = table([rule(1, "acme/eng", pattern, "acme/eng")]);
        assert_eq!(by(&table, &of_acme), None, "{pattern}");
        let again = table.explain(&of_acme, &Headers::default(), &sessions);
        assert_eq!(again.1, [], "it is not even considered");
    }
    let table = table([rule(1, "acme/eng", "hook:acme/eng/*", "acme/eng")]);
    let mut of_eng = of_eng;
    of_eng.id = GrantId::from_u128(8);
    assert_eq!(by(&table, &of_eng), Some(1));
    let mut namesake = grant("acme/engine", "x", None);
    namesake.id = GrantId::from_u128(9);
    assert_eq!(by(&table, &namesake), None);
}

#[test]
fn a_rule_may_ask_for_a_sender_and_for_headers() {
    let hook = grant("acme", "github", None);
    let mut sender = rule(1, "acme", "hook:**", "acme/a");
    sender.sender = Some("linear".parse().expect("legal"));
    let table = table([
        sender,
        asking(
            rule(2, "acme", "hook:**", "acme/b"),
            &[("X-GitHub-Event", "push"), ("x-ref", "refs/tags/*")],
        ),
        asking(
            rule(3, "acme", "hook:**", "acme/c"),
            &[("x-github-event", "p*")],
        ),
        asking(rule(4, "acme", "hook:**", "acme/d"), &[("x-ref", "*")]),
    ]);
    let with = |pairs: &[(&str, &str)]| decided(&table, &hook, pairs).0;
    let push = ("x-github-event", "push");
    assert_eq!(with(&[push, ("x-ref", "refs/tags/v1")]), Some(2));
    assert_eq!(with(&[push, ("x-ref", "refs/heads/main")]), Some(3));
    assert_eq!(with(&[push]), Some(3));
    assert_eq!(with(&[("x-ref", "")]), Some(4));
    assert_eq!(with(&[("x-github-event", "Push")]), None);
    let linear = grant("acme", "linear", None);
    let linear = Grant {
        id: GrantId::from_u128(8),
        ..linear
    };
    assert_eq!(decided(&table, &linear, &[push]).0, Some(1));
}

#[test]
fn a_rule_whose_session_is_over_or_anothers_lets_the_message_go_on() {
    let hook = grant("acme/eng", "github", None);
    let ended = rule(1, "acme", "hook:**", "doorbell:/sessions/over");
    let next = rule(2, "acme", "hook:**", "acme/eng#observe");
    let both = table([ended.clone(), next.clone()]);
    assert_eq!(by(&both, &hook), Some(2));
    assert_eq!(by(&table([ended]), &hook), None);
    // One of that id stands, and it is another than the rule means.
    let mut before = rule(1, "acme", "hook:**", "doorbell:/sessions/build");
    before.session_made = Some(Timestamp::from_millis(6));
    assert_eq!(by(&table([before, next]), &hook), Some(2));
    // It is in a folder that is none of the owner's business.
    let taken = rule(1, "acme/eng/web", "hook:**", "doorbell:/sessions/build");
    let table = table([taken, rule(2, "acme/eng/web", "hook:**", "acme/eng/web")]);
    let web = Grant {
        id: GrantId::from_u128(8),
        ..grant("acme/eng/web", "github", None)
    };
    assert_eq!(by(&table, &web), Some(2));
}

#[test]
fn a_removed_rule_decides_no_more_and_the_others_do() {
    let hook = grant("acme", "github", None);
    let all = table([
        rule(1, "acme", "hook:**", "acme/a"),
        rule(2, "acme", "hook:**", "acme/b"),
    ]);
    let without = all.without(RouteId::from_u128(1)).expect("it was there");
    assert_eq!((by(&all, &hook), by(&without, &hook)), (Some(1), Some(2)));
    assert!(without.without(RouteId::from_u128(1)).is_none());
    let none = without
        .without(RouteId::from_u128(2))
        .expect("it was there");
    assert_eq!((by(&none, &hook), none.iter().count()), (None, 0));
}

#[test]
fn an_owner_has_so_many_rules_and_no_more_and_so_has_everyone() {
    let full =
        Table::new((0..MAX_OWNED as u128).map(|n| stored(rule(n, "acme", "hook:**", "acme"))));
    let more = |whose| full.with(rule(1 << 64, whose, "hook:**", "acme")).err();
    assert_eq!(more("acme"), Some(TooManyRules::Owned(owner("acme"))));
    assert_eq!(more("other"), None);
    let all = (0..MAX_RULES as u128).map(|n| {
        let whose = format!("f{}", n % 100);
        stored(rule(n, &whose, "hook:**", "acme"))
    });
    let refused = Table::new(all).with(rule(1 << 64, "g", "hook:**", "acme"));
    assert_eq!(refused.err(), Some(TooManyRules::All));
}

#[test]
fn a_folder_and_what_is_below_it_have_a_quarter_however_they_divide_it() {
    let below = |n: u128| {
        let whose = match n % 4 {
            0 => "acme".to_owned(),
            part => format!("acme/f{part}/g"),
        };
        stored(rule(n, &whose, "hook:**", "acme"))
    };
    let full = Table::new((0..MAX_WITHIN as u128).map(below));
    let more = |whose| full.with(rule(1 << 64, whose, "hook:**", "acme")).err();
    let acme: Folder = "acme".parse().expect("legal");
    for whose in ["acme", "acme/f1/g", "acme/new"] {
        assert_eq!(
            more(whose),
            Some(TooManyRules::Within(acme.clone())),
            "{whose}"
        );
    }
    for whose in ["acmecorp", "other"] {
        assert_eq!(more(whose), None, "{whose}");
    }
    let operators = NewRule {
        owner: Owner::Root,
        ..rule(1 << 64, "acme", "hook:**", "acme")
    };
    assert!(full.with(operators).is_ok());
}

fn stored(new: NewRule) -> Arc<Rule> {
    Table::default().with(new).expect("there is room").1
}

#[test]
fn targets_read_back_and_nothing_else_is_one() {
    for text in ["acme/eng", "acme/eng#observe", "doorbell:/sessions/build"] {
        assert_eq!(text.parse::<Target>().expect("legal").to_string(), text);
    }
    for bad in [
        "",
        "#observe",
        "acme#",
        "acme#trigger",
        "acme#observe#observe",
        "hook:acme",
        "doorbell:/sessions/",
        "doorbell:/sessions/a/b",
        "doorbell:/sessions/build#observe",
    ] {
        assert!(bad.parse::<Target>().is_err(), "{bad:?}");
    }
}

/// Tables and arrivals by the dice of a linear congruential generator, so that a failure comes
/// again: what is looked up is what trying each rule would find.
#[test]
fn looking_rules_up_finds_what_trying_each_would() {
    let mut state = 1_u64;
    let mut below = move |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % n
    };
    let names = ["x-a", "x-b", "x-c"];
    let globs = [
        "a", "b", "ab", "a*", "*b", "*", "?", "a?", "*ab*", "b*a", "aba", "?*b",
    ];
    let values = ["", "a", "b", "ab", "ba", "aba", "abab", "bba", "c"];
    let owners = ["*", "acme", "acme/eng", "other"];
    let patterns = ["hook:**", "hook:acme/**", "hook:acme/*/github", "web:**"];
    let targets = [
        "acme",
        "acme/eng#observe",
        "doorbell:/sessions/build",
        "doorbell:/sessions/over",
    ];
    let mut matched = 0;
    for round in 0..400 {
        let rules = (0..below(40) as u128).map(|n| {
            let whose = owners[below(4)];
            let new = rule(n, whose, patterns[below(4)], targets[below(4)]);
            let asked = &names[..below(4)];
            let asked: Vec<_> = asked.iter().map(|name| (*name, globs[below(12)])).collect();
            NewRule {
                seq: Some(below(5) as u32),
                ..asking(new, &asked)
            }
        });
        let table = table(rules);
        let hook = grant("acme/eng", "github", None);
        for _ in 0..20 {
            let has = &names[below(3)..];
            let pairs: Vec<_> = has.iter().map(|name| (*name, values[below(9)])).collect();
            let (rule, _) = decided(&table, &hook, &pairs);
            matched += usize::from(rule.is_some());
        }
        assert!(round < 200 || matched > 1_000, "the dice prove nothing");
    }
}

#[test]
fn wildcards_that_would_take_too_long_match_nothing() {
    // Each is tried in vain, character by character.
    let slow = format!("*{}*c", "a".repeat(200));
    let rules = (0..100).map(|n| asking(rule(n, "acme", "hook:**", "acme/a"), &[("x-a", &slow)]));
    let last = asking(rule(100, "acme", "hook:**", "acme/b"), &[("x-a", "*b")]);
    let plain = rule(101, "acme", "hook:**", "acme/c");
    let table = table(rules.chain([last, plain]));
    let value = format!("{}b", "a".repeat(1_000));
    let outcome = table.decide(
        &grant("acme", "github", None),
        &headers(&[("x-a", &value)]),
        &sessions,
    );
    assert_eq!(outcome.rule.map(|rule| rule.id.as_u128()), Some(101));
}
