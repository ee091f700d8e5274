//! `cargo xtask docs`: writes the documents and manifests that are made from the code, or compares them.

mod asyncapi;
mod events;
mod openapi;
mod routes;
mod schema;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::Value;

use crate::workspace;

#[derive(clap::Args)]
pub struct Args {
    /// Write nothing; fail when a document is not what the code says.
    #[arg(long)]
    check: bool,
    /// This document alone.
    #[arg(long, value_enum)]
    only: Option<Document>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Document {
    /// The events, for people.
    Events,
    /// The events, for programs.
    Asyncapi,
    /// The HTTP API, as the running marketplace describes it.
    Openapi,
    /// The table of paths, for load balancers that speak the Gateway API.
    HttpRoute,
    /// The table of paths, for load balancers that speak Ingress.
    Ingress,
}

impl Document {
    fn file(self) -> PathBuf {
        let name = match self {
            Self::Events => "docs/EVENTS.md",
            Self::Asyncapi => "docs/asyncapi.json",
            Self::Openapi => "docs/openapi.json",
            Self::HttpRoute => "deploy/kubernetes/components/gateway-api/routes.yaml",
            Self::Ingress => "deploy/kubernetes/components/ingress/routes.yaml",
        };
        workspace::root().join(name)
    }

    fn text(self) -> Result<String> {
        let catalogue = contracts::catalogue::catalogue;
        match self {
            Self::Events => Ok(events::document(&catalogue())),
            Self::Asyncapi => written(asyncapi::document(&catalogue())),
            Self::Openapi => written(openapi::document()?),
            Self::HttpRoute => Ok(routes::http_route()),
            Self::Ingress => Ok(routes::ingress()),
        }
    }
}

/// Writes or compares all documents, or one.
pub fn run(args: &Args) -> ExitCode {
    let wanted = |document| args.only.is_none_or(|only| only == document);
    let mut outcome = ExitCode::SUCCESS;
    for &document in Document::value_variants() {
        if !wanted(document) {
            continue;
        }
        match bring_up_to_date(document, args.check) {
            Ok(line) => println!("{line}"),
            Err(error) => {
                println!("FAILED: {error:#}");
                outcome = ExitCode::FAILURE;
            }
        }
    }
    outcome
}

fn bring_up_to_date(document: Document, check: bool) -> Result<String> {
    let file = document.file();
    let shown = file
        .strip_prefix(workspace::root())
        .unwrap_or(&file)
        .display();
    let text = document.text().with_context(|| format!("{shown}"))?;
    let there = fs::read_to_string(&file).unwrap_or_default();
    if there == text {
        return Ok(format!("{shown} is current"));
    }
    if check {
        let line = first_difference(&there, &text);
        anyhow::bail!(
            "{shown} is not what the code says, from line {line} on: run `cargo xtask docs`"
        );
    }
    fs::write(&file, text).with_context(|| format!("write {shown}"))?;
    Ok(format!("{shown} written"))
}

fn first_difference(there: &str, text: &str) -> usize {
    let same = there.lines().zip(text.lines()).take_while(|(a, b)| a == b);
    same.count() + 1
}

/// JSON for reading and comparing: fields sorted, whatever order a build of `serde_json` keeps.
fn written(document: Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(&sorted(document))? + "\n")
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> = fields.into_iter().collect();
            fields
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_differs_is_named() {
        assert_eq!(first_difference("a\nb\nc\n", "a\nx\nc\n"), 2);
        assert_eq!(first_difference("a\n", "a\nb\n"), 2);
        assert_eq!(first_difference("", "a\n"), 1);
    }

    #[test]
    fn fields_are_sorted_at_every_depth() {
        let text = written(serde_json::json!({"b": [{"z": 1, "a": 2}], "a": 0})).unwrap();
        let order: Vec<usize> = ["\"a\": 0", "\"b\"", "\"a\": 2", "\"z\""]
            .iter()
            .map(|piece| text.find(piece).unwrap())
            .collect();
        assert!(order.is_sorted(), "{text}");
    }
}
