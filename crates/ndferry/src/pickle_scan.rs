//! What a pickle refers to, and whether it does with it what honest pickles do.

use std::collections::HashSet;

use ndferry_pickle::{Global, Id, Tree, Value};

use crate::GlobalUse;

/// Every class, function and extension code in a tree, and the first persistent id, in the order of their bytes.
pub(crate) fn global_uses(tree: &Tree) -> Vec<GlobalUse> {
    let misused = misused(tree);
    let names = tree.globals().iter().map(|global| GlobalUse {
        is_misused: misused.contains(&global.offset),
        ..GlobalUse::new(&global.module, &global.name, global.offset)
    });
    // An extension code may stand for anything, which only the reading program knows.
    let extensions = tree
        .extensions()
        .iter()
        .map(|(code, offset)| GlobalUse::new("copyreg", &format!("extension {code}"), *offset));
    // So may a persistent id.
    let persistent = tree
        .persistent()
        .map(|offset| GlobalUse::new("pickle", "persistent_load", offset));
    let mut uses: Vec<GlobalUse> = names.chain(extensions).chain(persistent).collect();
    // What was read twice, since the first way of reading it failed, is there twice.
    uses.sort_by(|a, b| (a.offset, &a.name).cmp(&(b.offset, &b.name)));
    uses.dedup_by(|a, b| a.offset == b.offset && a.name == b.name);
    uses
}

/// The places of those globals that are called, or given to a call, though they may only be named as an array's type.
fn misused(tree: &Tree) -> HashSet<u64> {
    let mut out = HashSet::new();
    if !tree.globals().iter().any(opens_files) {
        return out;
    }
    let mut judge = |id: Id| {
        if let Value::Global(global) = tree.get(id)
            && opens_files(global)
        {
            out.insert(global.offset);
        }
    };
    for call in tree.calls() {
        judge(call.function);
        let args = tree.sequence(call.args).unwrap_or_default();
        let as_type = usize::from(tree.is_reconstruct(call));
        args.iter().skip(as_type).copied().for_each(&mut judge);
        if let Some(Value::Dict(pairs)) = call.kwargs().map(|kwargs| tree.get(kwargs)) {
            pairs.iter().for_each(|(_, value)| judge(*value));
        }
    }
    out
}

fn opens_files(global: &Global) -> bool {
    GlobalUse::opens_files(&global.module, &global.name)
}
