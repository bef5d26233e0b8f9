//! What the doctor found.

use std::io;

use serde::Serialize;

use super::super::{
    Failure,
    terminal::{self, Paint},
};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    /// Absent: it was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<bool>,
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// Prints each finding as it is made; with `--json`, all of them at the end.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    paint: Paint,
    signs: [&'static str; 3],
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn begin(json: bool) -> Self {
        let out = io::stdout();
        let signs = if io::IsTerminal::is_terminal(&out) {
            ["✓", "✗", "-"]
        } else {
            ["ok", "FAIL", "skip"]
        };
        Self {
            json,
            paint: Paint(terminal::colour(&out)),
            signs,
            findings: Vec::new(),
        }
    }

    /// It is well.
    pub(super) fn good(&mut self, check: &'static str, detail: impl ToString) -> io::Result<()> {
        self.add(check, Some(true), detail.to_string(), None)
    }

    /// It is not, and this is what to do.
    pub(super) fn bad(
        &mut self,
        check: &'static str,
        detail: impl ToString,
        fix: impl ToString,
    ) -> io::Result<()> {
        let fix = Some(fix.to_string()).filter(|fix| !fix.is_empty());
        self.add(check, Some(false), detail.to_string(), fix)
    }

    /// It was not looked at, and this is why.
    pub(super) fn skipped(&mut self, check: &'static str, why: impl ToString) -> io::Result<()> {
        self.add(check, None, why.to_string(), None)
    }

    fn add(
        &mut self,
        check: &'static str,
        ok: Option<bool>,
        detail: String,
        fix: Option<String>,
    ) -> io::Result<()> {
        if !self.json {
            let [good, bad, skipped] = self.signs;
            let sign = match ok {
                Some(true) => self.paint.good(good),
                Some(false) => self.paint.bad(bad),
                None => self.paint.dim(skipped),
            };
            terminal::say(&format!("{sign} {check}: {}", terminal::lines(&detail)))?;
            if let Some(fix) = &fix {
                terminal::say(&format!("    {}", terminal::lines(fix)))?;
            }
        }
        self.findings.push(Finding {
            check,
            ok,
            detail,
            fix,
        });
        Ok(())
    }

    /// Whether nothing is wrong.
    pub(super) fn end(self) -> Result<bool, Failure> {
        let ok = self
            .findings
            .iter()
            .all(|finding| finding.ok != Some(false));
        if self.json {
            let all = self.findings.iter().all(|finding| finding.ok.is_some());
            terminal::json(&serde_json::json!({
                "ok": ok, "complete": all, "checks": self.findings,
            }))?;
        } else if ok {
            let skipped = self.findings.iter().filter(|finding| finding.ok.is_none());
            let skipped: Vec<_> = skipped.map(|finding| finding.check).collect();
            let said = if skipped.is_empty() {
                "Everything works.".to_owned()
            } else {
                format!(
                    "What was looked at works; not looked at: {}.",
                    skipped.join(", ")
                )
            };
            terminal::say(&said)?;
        }
        Ok(ok)
    }
}
