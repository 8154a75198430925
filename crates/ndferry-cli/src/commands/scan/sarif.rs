//! What a scan found as a SARIF 2.1.0 log (OASIS, 27 March 2020).

use std::collections::HashMap;

use ndferry::{Grade, Policy, Scanned};
use serde_json::{Value, json};

use super::{place, without_source};

/// Files and what is wrong with them.
#[derive(Default)]
pub(super) struct Log {
    artifacts: Vec<Value>,
    /// Where each of them is; none may be there twice.
    indexes: HashMap<String, usize>,
    results: Vec<Value>,
}

/// What is reported, in words; the number is that in `ruleIndex`.
const RULES: [(&str, &str, &str); 3] = [
    (
        "dangerous",
        "error",
        "A pickle refers to what no file of arrays needs, and loading it may run code.",
    ),
    (
        "needs-code",
        "warning",
        "A pickle refers to classes or functions that the policy does not name.",
    ),
    (
        "unreadable",
        "warning",
        "A file, or a part of it, cannot be read, so that there may be more in it.",
    ),
];

impl Log {
    pub(super) fn add(&mut self, name: &str, found: &Scanned, policy: &Policy) {
        let uri = uri(name);
        let index = *self.indexes.entry(uri.clone()).or_insert_with(|| {
            self.artifacts.push(json!({"location": {"uri": uri}}));
            self.artifacts.len() - 1
        });
        for global in &found.globals {
            let rule = match policy.grade(global) {
                Grade::Dangerous => 0,
                Grade::NeedsCode => 1,
                _ => continue,
            };
            let byte = global.member.is_empty().then_some(global.offset);
            let text = format!("The pickle refers to {}.", place(global));
            self.result(rule, &text, &uri, index, byte, &global.member);
        }
        for problem in &found.problems {
            let member = problem.member().unwrap_or_default();
            let byte = problem.offset().filter(|_| member.is_empty());
            let text = format!("It cannot be read: {}.", without_source(problem));
            self.result(2, &text, &uri, index, byte, member);
        }
    }

    fn result(
        &mut self,
        rule: usize,
        text: &str,
        uri: &str,
        index: usize,
        byte: Option<u64>,
        member: &str,
    ) {
        let (id, level, _) = RULES[rule];
        let mut physical = json!({"artifactLocation": {"uri": uri, "index": index}});
        // A region has to begin with the file's own bytes.
        if let Some(byte) = byte.and_then(|byte| i64::try_from(byte).ok()) {
            physical["region"] = json!({"byteOffset": byte, "byteLength": 1});
        }
        let mut location = json!({"physicalLocation": physical});
        if !member.is_empty() {
            location["logicalLocations"] = json!([{"name": member, "kind": "member"}]);
        }
        self.results.push(json!({
            "ruleId": id,
            "ruleIndex": rule,
            "level": level,
            "message": {"text": text},
            "locations": [location],
        }));
    }

    pub(super) fn finish(self) -> Value {
        let rules = RULES.map(|(id, level, text)| {
            json!({
                "id": id,
                "shortDescription": {"text": text},
                "defaultConfiguration": {"level": level},
            })
        });
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "ndferry",
                    "version": env!("CARGO_PKG_VERSION"),
                    "informationUri": env!("CARGO_PKG_REPOSITORY"),
                    "rules": rules,
                }},
                "columnKind": "utf16CodeUnits",
                "artifacts": self.artifacts,
                "results": self.results,
            }],
        })
    }
}

/// A path as a reference (RFC 3986): relative ones stay relative.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
