//! Where to paste a webhook URL, for the senders people use most.
//!
//! The steps are for a human. They hold no URL and no secret, so that every face can print them
//! beside the one it has just minted. Menu names were taken from the senders' own documentation.

use doorbell_core::{grant::GrantId, label::Label};

/// How to point one sender at a webhook URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The sender's name.
    pub title: &'static str,
    /// What to do, in order; a sentence or two each, without a number.
    pub lines: &'static [&'static str],
}

/// A sender and the words in a label that mean it, in lower case.
struct Sender {
    words: &'static [&'static str],
    steps: Steps,
}

const SENDERS: [Sender; 10] = [
    Sender {
        words: &["github", "gh", "githubcom"],
        steps: Steps {
            title: "GitHub",
            lines: &[
                "In the repository or organisation: Settings, Webhooks, Add webhook.",
                "Payload URL: the webhook URL. Content type: application/json.",
                "Secret: make one with `openssl rand -hex 32`. Keep it in the agent's environment as GITHUB_WEBHOOK_SECRET, never in its context; examples/skills/github verifies messages with it.",
                "Choose the events and save. GitHub sends a ping at once, which is the first message.",
            ],
        },
    },
    Sender {
        words: &["gitlab", "gitlabcom"],
        steps: Steps {
            title: "GitLab",
            lines: &[
                "In the project or group: Settings, Webhooks, Add new webhook.",
                "URL: the webhook URL. GitLab always sends JSON.",
                "Where the form has a signing token, generate one (whsec_…): GitLab then signs as Standard Webhooks do. Keep it in the agent's environment as STANDARD_WEBHOOKS_SECRET; examples/skills/standard-webhooks verifies messages with it.",
                "Where it has not: set a secret token made with `openssl rand -hex 32`. It arrives as it is in the header x-gitlab-token; compare it, no skill is needed.",
                "Choose the triggers and add the webhook; Test sends a first message.",
            ],
        },
    },
    Sender {
        words: &["linear", "linearapp"],
        steps: Steps {
            title: "Linear",
            lines: &[
                "In Linear: Settings, API, Webhooks, New webhook.",
                "URL: the webhook URL. Linear always sends JSON. Choose the data.",
                "The webhook's page shows the signing secret. Keep it in the agent's environment as LINEAR_WEBHOOK_SECRET, never in its context; examples/skills/linear verifies messages with it.",
            ],
        },
    },
    Sender {
        words: &["stripe"],
        steps: Steps {
            title: "Stripe",
            lines: &[
                "In the Stripe Dashboard: Developers (Workbench), Webhooks, add a destination of the kind webhook endpoint.",
                "Endpoint URL: the webhook URL. Stripe always sends JSON. Choose the events.",
                "On the endpoint's page reveal the signing secret (whsec_…; test and live mode have one each). Keep it in the agent's environment as STRIPE_WEBHOOK_SECRET, never in its context; examples/skills/stripe verifies messages with it.",
            ],
        },
    },
    Sender {
        words: &["slack"],
        steps: Steps {
            title: "Slack",
            lines: &[
                "At api.slack.com/apps, in your app: Basic Information, App Credentials, Signing Secret. Keep it in the agent's environment as SLACK_SIGNING_SECRET, never in its context; examples/skills/slack verifies messages with it.",
                "Event Subscriptions: enable events. Request URL: the webhook URL; Slack checks it when you enter it, and Doorbell answers. Events come as JSON.",
                "Subscribe to the bot events you want, save, and reinstall the app if Slack asks. Slash commands and interactivity may have the same URL; they come as forms.",
            ],
        },
    },
    Sender {
        words: &["sentry", "sentryio"],
        steps: Steps {
            title: "Sentry",
            lines: &[
                "In the organisation: Settings, Developer Settings, Create New Integration, Internal Integration.",
                "Webhook URL: the webhook URL. Sentry always sends JSON. Switch on Alert Rule Action for alerts, and choose the webhooks (issue, error, comment).",
                "After saving, the page shows the Client Secret: the header sentry-hook-signature is the hex HMAC-SHA256 of the body under it. Keep it in the agent's environment, never in its context. No skill is shipped for it.",
                "For alerts: in the alert rule add the action that sends a notification through this integration.",
            ],
        },
    },
    Sender {
        words: &["grafana"],
        steps: Steps {
            title: "Grafana",
            lines: &[
                "Alerting, Notification configuration (Contact points in older versions), Add contact point. Integration: Webhook.",
                "URL: the webhook URL. HTTP method: POST. Grafana always sends JSON. It keeps the URL in plain text: whoever may read contact points can read it.",
                "To have messages signed, set a secret under HMAC signature, made with `openssl rand -hex 32`: the header x-grafana-alerting-signature then holds an HMAC-SHA256. No skill is shipped for it.",
                "Test sends a first message. Then point a notification policy or an alert rule at the contact point.",
            ],
        },
    },
    Sender {
        words: &["healthchecks", "healthchecksio", "healthcheck", "hcio"],
        steps: Steps {
            title: "Healthchecks.io",
            lines: &[
                "In the project: Integrations, Webhook, Add Integration.",
                "For checks that go down, and again for those that come up: method POST (a GET is taken for a look at the URL: it is kept and rings nobody), URL: the webhook URL, request body: `$NAME is $STATUS`, request header: `Content-Type: text/plain`.",
                "Healthchecks.io does not sign. To know its messages, add a header of your own, `X-Shared-Secret:` and what `openssl rand -hex 32` prints, and have the agent compare it.",
                "Send Test Notification sends a first message.",
            ],
        },
    },
    Sender {
        words: &["asana"],
        steps: Steps {
            title: "Asana",
            lines: &[
                "Asana has no form for it. Make the webhook through its API: POST /api/1.0/webhooks, as JSON, with the resource to watch and, as target, the webhook URL.",
                "While that call waits Asana hands over a secret in the header x-hook-secret. Doorbell answers, and it is the first message, of kind handshake. Keep it in the agent's environment: the header x-hook-signature of every delivery is the hex HMAC-SHA256 of the body under it. No skill is shipped for it.",
                "Whoever has the URL can send another secret: the first one counts, unless the webhook was made anew.",
            ],
        },
    },
    Sender {
        words: &["notion"],
        steps: Steps {
            title: "Notion",
            lines: &[
                "In the integration's settings: Webhooks, Create a subscription. URL: the webhook URL. Notion always sends JSON. Choose the events.",
                "Notion sends a verification_token at once. It rings nobody: it comes as observed context with the next receive_messages, kind handshake, or is found with read_messages. Give it to the human, who pastes it in the same settings under Verify.",
                "It is also the secret: the header x-notion-signature holds sha256= and the hex HMAC-SHA256 of the body under it. Keep the one that Notion took in the agent's environment; whoever has the URL can send another. No skill is shipped for it.",
            ],
        },
    },
];

const ANY: Steps = Steps {
    title: "Any other source",
    lines: &[
        "In the sender's settings look for Webhooks, sometimes under Integrations, Notifications or Developers, and add one.",
        "URL (endpoint, payload URL, callback): the webhook URL. Method: POST. Content type: application/json where there is a choice.",
        "If it offers a signing secret, use it, and keep it in the agent's environment, never in its context. One that begins whsec_ is Standard Webhooks (or Svix): keep it as STANDARD_WEBHOOKS_SECRET; examples/skills/standard-webhooks verifies messages with it. For others the headers and the exact body are in each message.",
        "Choose the events, save, and send a test if there is a button for it. Where the sender checks the URL first, Doorbell answers the usual ways of asking.",
    ],
};

/// Every sender that is known, by the label that is best given to it.
pub fn known() -> impl Iterator<Item = (&'static str, Steps)> {
    SENDERS.iter().map(|sender| (sender.words[0], sender.steps))
}

/// How to point any other sender at a webhook URL.
pub const fn other() -> Steps {
    ANY
}

/// How to point the sender that a label means at a webhook URL.
///
/// Case does not matter, nor does what stands beside the sender's name: `GitHub`, `gh`,
/// `acme-github` and `Healthchecks_io` are known.
pub fn steps(label: &Label) -> Steps {
    let label = label.as_str().to_ascii_lowercase();
    let parts: Vec<&str> = label.split(['-', '_']).collect();
    let whole = parts.concat();
    let means =
        |sender: &&Sender| (sender.words.iter()).any(|word| whole == *word || parts.contains(word));
    SENDERS
        .iter()
        .find(means)
        .map_or(ANY, |sender| sender.steps)
}

/// What to do with a URL that was just minted: where a human pastes it, and what its agent does then.
pub fn next_steps(label: &Label, grant: GrantId) -> String {
    let steps = steps(label);
    let mut text = format!("Where to paste it: {}\n", steps.title);
    for (number, line) in (1..).zip(steps.lines) {
        text += &format!("{number}. {line}\n");
    }
    text + &format!(
        "Then call receive_messages with wait_seconds to hear it ring. To close it: revoke_route_token with grant_id {grant}."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(label: &str) -> &'static str {
        steps(&label.parse().expect("a label")).title
    }

    #[test]
    fn a_sender_is_known_by_its_common_names() {
        for (label, sender) in [
            ("github", "GitHub"),
            ("GitHub", "GitHub"),
            ("gh", "GitHub"),
            ("acme-github", "GitHub"),
            ("gitlab", "GitLab"),
            ("LINEAR", "Linear"),
            ("stripe_live", "Stripe"),
            ("slack", "Slack"),
            ("sentry-io", "Sentry"),
            ("grafana", "Grafana"),
            ("healthchecks", "Healthchecks.io"),
            ("Healthchecks_io", "Healthchecks.io"),
            ("health-checks", "Healthchecks.io"),
            ("asana", "Asana"),
            ("team-notion", "Notion"),
        ] {
            assert_eq!(title(label), sender, "{label}");
        }
    }

    #[test]
    fn any_other_source_has_steps_too() {
        for label in ["shop", "high", "githubish", "-", "_"] {
            assert_eq!(title(label), ANY.title, "{label}");
        }
    }

    #[test]
    fn every_sender_is_told_about_the_url_the_content_type_and_the_secret() {
        for steps in SENDERS.iter().map(|sender| sender.steps).chain([ANY]) {
            let text = steps.lines.join("\n").to_lowercase();
            for word in ["the webhook url", "secret"] {
                assert!(text.contains(word), "{}: {word}", steps.title);
            }
            let content = ["json", "text/plain"];
            assert!(content.iter().any(|c| text.contains(c)), "{}", steps.title);
            assert!(steps.lines.iter().all(|line| !line.contains('\n')));
        }
    }

    #[test]
    fn every_skill_that_is_named_is_there() {
        let skills = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/skills");
        for steps in SENDERS.iter().map(|sender| sender.steps).chain([ANY]) {
            for line in steps.lines {
                for named in line.split("examples/skills/").skip(1) {
                    let end = named.find(|c: char| !c.is_ascii_lowercase() && c != '-');
                    let skill = &named[..end.unwrap_or(named.len())];
                    assert!(skills.join(skill).join("SKILL.md").is_file(), "{skill}");
                }
            }
        }
    }
}
