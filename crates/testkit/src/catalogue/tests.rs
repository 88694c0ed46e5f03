//! The catalogue is complete, and says only what the declarations have.

use std::collections::BTreeSet;

use rekindle_core::store::{Condition, Order, Selection, Test, queries as catalogue};
use rekindle_records::{Declaration, TYPES};

use super::*;

fn declaration(kind: &str) -> &'static Declaration {
    let mut all = TYPES.iter().map(|found| found.declaration());
    all.find(|declaration| declaration.name == kind).unwrap_or_else(|| panic!("{kind} is no declared kind"))
}

#[test]
fn every_query_of_the_catalogue_has_a_sample() {
    let sampled: BTreeSet<_> = queries(&Values::default()).iter().map(|(_, query)| query.name()).collect();
    assert_eq!(sampled, catalogue::NAMES.iter().copied().collect());
}

#[test]
fn queries_name_declared_fields_and_indexes() {
    for (name, query) in queries(&Values::default()) {
        let counted = query.counts().iter().map(|count| &count.of);
        for selection in query.selections().iter().chain(counted) {
            check(&name, selection);
        }
    }
}

fn check(name: &str, selection: &Selection) {
    let declaration = declaration(selection.kind);
    let index = declaration.index(selection.index);
    let set = declaration.unique_set(selection.index);
    assert!(selection.index.is_empty() || index.is_some() || set.is_some(), "{name}: index {}", selection.index);
    let indexed: Vec<_> = index.map(|index| index.fields).or(set.map(|set| set.fields)).unwrap_or_default().to_vec();
    for Condition { field, test } in &selection.conditions {
        assert!(declaration.field(field).is_some(), "{name}: field {field}");
        if let Test::IsKeyOf(of) = test {
            check(name, of);
        }
    }
    if let Some(first) = indexed.first() {
        let ordered = matches!(selection.order, Order::By(fields) if fields.first() == Some(&first.name));
        let limited = selection.conditions.iter().any(|condition| condition.field == first.name);
        assert!(limited || ordered, "{name}: neither a condition nor the order begins with {}", first.name);
    }
    if selection.order == Order::NewestFirst {
        assert!(index.is_some_and(|index| index.by_creation.is_some()), "{name}: {} is no list", selection.index);
    }
    for field in selection.projection {
        let is_version = ["revision", "touches"].contains(field);
        assert!(is_version || declaration.field(field).is_some(), "{name}: projected field {field}");
    }
}
