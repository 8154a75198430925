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
    if !tree
        .globals()
        .iter()
        .any(|global| is_a_type(global) || opens_files(global))
    {
        return out;
    }
    let mut judge = |id: Id, is_meant: fn(&Global) -> bool| {
        if let Value::Global(global) = tree.get(id)
            && is_meant(global)
        {
            out.insert(global.offset);
        }
    };
    for call in tree.calls() {
        judge(call.function, is_a_type);
        judge(call.function, opens_files);
        let args = tree.sequence(call.args).unwrap_or_default();
        // The class of the array; of a masked one, that of its elements comes second.
        let as_type = match tree.global(call.function) {
            _ if tree.is_reconstruct(call) => Some(0),
            Some((_, "_mareconstruct" | "_mrreconstruct")) => Some(1),
            _ => None,
        };
        for (i, arg) in args.iter().enumerate() {
            if as_type != Some(i) {
                judge(*arg, opens_files);
            }
            // A call may get what is in a tuple or list as arguments.
            for inner in tree.sequence(*arg).unwrap_or_default() {
                judge(*inner, opens_files);
            }
        }
        if let Some(Value::Dict(pairs)) = call.kwargs().map(|kwargs| tree.get(kwargs)) {
            pairs
                .iter()
                .for_each(|(_, value)| judge(*value, opens_files));
        }
    }
    out
}

fn is_a_type(global: &Global) -> bool {
    GlobalUse::is_only_a_type(&global.module, &global.name)
}

fn opens_files(global: &Global) -> bool {
    GlobalUse::opens_files(&global.module, &global.name)
}
