//! The wire form of every event: what was ever published must keep decoding.
//!
//! `snapshots/<type>.<n>.json` is the n-th form in which an event of that type was published. The
//! newest is compared byte for byte with what is written today. After an additive change the new form
//! is added as a file of its own, by `WIRE=add cargo test -p contracts --test wire`; the files that
//! are there are never edited, because logs and other people's programs hold events of those forms.

mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use contracts::Envelope;
use contracts::catalogue::catalogue;
use samples::{Sample, samples};
use serde_json::{Value, json};

/// Where the snapshots are.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire/snapshots")
}

/// The snapshots of each type, oldest first.
fn snapshots() -> BTreeMap<String, BTreeMap<u32, String>> {
    let mut found: BTreeMap<String, BTreeMap<u32, String>> = BTreeMap::new();
    for file in fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let stem = name.strip_suffix(".json").expect("only .json files");
        let (kind, form) = stem.rsplit_once('.').expect("<type>.<n>.json");
        let text = fs::read_to_string(&path).unwrap();
        let forms = found.entry(kind.to_owned()).or_default();
        forms.insert(form.parse().expect("<type>.<n>.json"), text);
    }
    found
}

/// An event as text, its fields sorted: the same whatever order a build of `serde_json` keeps.
fn written(event: &Envelope) -> String {
    let text = serde_json::to_string_pretty(&sorted(serde_json::to_value(event).unwrap())).unwrap();
    text + "\n"
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

#[test]
fn every_published_type_has_a_sample() {
    let published: BTreeSet<String> = catalogue()
        .entries
        .into_iter()
        .flat_map(|entry| entry.facts)
        .map(|fact| fact.kind)
        .collect();
    let sampled: BTreeSet<String> = samples()
        .into_iter()
        .map(|sample| sample.event.kind.clone())
        .collect();
    assert_eq!(sampled, published);
}

#[test]
fn what_is_written_today_is_the_newest_snapshot() {
    let snapshots = snapshots();
    for Sample { event, .. } in samples() {
        let forms = snapshots.get(&event.kind);
        let newest = forms.and_then(BTreeMap::last_key_value);
        let (today, kind) = (written(&event), &event.kind);
        if newest.is_some_and(|(_, text)| *text == today) {
            continue;
        }
        let next = newest.map_or(1, |(form, _)| form + 1);
        let file = folder().join(format!("{kind}.{next}.json"));
        if std::env::var("WIRE").as_deref() == Ok("add") {
            fs::write(&file, &today).unwrap();
            continue;
        }
        let before = newest.map_or("", |(_, text)| text.as_str());
        panic!(
            "{kind} is written in a new form. If only fields were added, keep it with \
             `WIRE=add cargo test -p contracts --test wire`; anything else needs a new version of \
             the event.\nnewest snapshot:\n{before}\ntoday:\n{today}"
        );
    }
}

#[test]
fn every_snapshot_decodes() {
    let samples: BTreeMap<String, Sample> = samples()
        .into_iter()
        .map(|sample| (sample.event.kind.clone(), sample))
        .collect();
    for (kind, forms) in snapshots() {
        let sample = samples
            .get(&kind)
            .expect("a type that was published stays known");
        let newest = forms.last_key_value().map(|(form, _)| *form);
        for (form, text) in &forms {
            let event: Envelope = serde_json::from_str(text).unwrap();
            let decoded = (sample.decode)(&event).unwrap_or_else(|| panic!("{kind}.{form}"));
            if Some(*form) == newest {
                assert_eq!(decoded, sample.content, "{kind}.{form}");
            }
        }
    }
}

#[test]
fn unknown_fields_pass() {
    for Sample {
        event,
        content,
        decode,
    } in samples()
    {
        let mut value = serde_json::to_value(&event).unwrap();
        for object in ["", "/data", "/data/state"] {
            let fields = value
                .pointer_mut(object)
                .and_then(Value::as_object_mut)
                .unwrap();
            fields.insert(
                "added_later".to_owned(),
                json!({"by": ["a", "newer", "program"]}),
            );
        }
        let newer: Envelope = serde_json::from_value(value).unwrap();
        assert_eq!(decode(&newer).as_ref(), Some(&content), "{}", event.kind);
    }
}

#[test]
fn an_unknown_type_still_shows_the_state() {
    for Sample {
        mut event,
        content,
        decode,
    } in samples()
    {
        event.kind = format!("ticketing.{}.renamed_later.v1", event.aggregate);
        let decoded = decode(&event).unwrap();
        assert_eq!((decoded.fact, decoded.state), (None, content.state));
    }
}
