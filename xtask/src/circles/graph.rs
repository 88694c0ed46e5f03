//! Circles in a directed graph.

use std::collections::{BTreeMap, BTreeSet};

/// Returns the groups of two or more nodes that reach each other.
pub(super) fn circles<N: Ord + Clone>(arrows: &BTreeSet<(N, N)>) -> Vec<BTreeSet<N>> {
    let mut next: BTreeMap<&N, BTreeSet<&N>> = BTreeMap::new();
    for (from, to) in arrows {
        next.entry(from).or_default().insert(to);
    }
    let reached: BTreeMap<&N, BTreeSet<&N>> = next.keys().map(|node| (*node, reach(*node, &next))).collect();
    let mut found: BTreeSet<BTreeSet<N>> = BTreeSet::new();
    for (node, others) in &reached {
        let back = others.iter().filter(|other| reached.get(*other).is_some_and(|back| back.contains(node)));
        let circle: BTreeSet<N> = back.map(|other| (*other).clone()).collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

fn reach<'a, N: Ord>(from: &'a N, next: &BTreeMap<&'a N, BTreeSet<&'a N>>) -> BTreeSet<&'a N> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for other in next.get(node).into_iter().flatten() {
            if reached.insert(*other) {
                open.push(other);
            }
        }
    }
    reached
}
