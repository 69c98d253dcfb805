//! Which modules use which, and where that goes round.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::paths;
use crate::sources::{Module, Modules};

/// The modules that each module uses.
pub(crate) type Edges = BTreeMap<Module, BTreeSet<Module>>;

/// What each module uses, its own children aside.
pub(crate) fn edges(modules: &Modules) -> Edges {
    let used = |(module, text): (&Module, &String)| {
        let targets = paths(text).into_iter();
        let targets = targets.filter_map(|path| target(module, &path, modules));
        let others = targets.filter(|target| !target.starts_with(module));
        (module.clone(), others.collect())
    };
    modules.iter().map(used).collect()
}

/// The module that a path leads to: its longest beginning that is one. The crate's root is none, as it only collects
/// what others have.
fn target(from: &Module, path: &[&str], modules: &Modules) -> Option<Module> {
    let ups = path.iter().take_while(|name| **name == "super").count();
    let (base, names) = match path {
        ["crate", names @ ..] => (&[][..], names),
        _ => (from.get(..from.len().checked_sub(ups)?)?, &path[ups..]),
    };
    let mut module = base.to_vec();
    module.extend(names.iter().map(|name| (*name).to_owned()));
    while !module.is_empty() && !modules.contains_key(&module) {
        module.pop();
    }
    (!module.is_empty()).then_some(module)
}

/// Groups of modules of which each reaches all others.
pub(crate) fn circles(edges: &Edges) -> BTreeSet<BTreeSet<Module>> {
    let reached: BTreeMap<_, _> = edges
        .keys()
        .map(|from| (from, reachable(from, edges)))
        .collect();
    let circle = |(from, to): (&&Module, &BTreeSet<Module>)| {
        let back = to.iter().filter(|to| reached[*to].contains(*from));
        back.cloned().collect::<BTreeSet<_>>()
    };
    let circles = reached.iter().map(circle);
    circles.filter(|circle| !circle.is_empty()).collect()
}

/// All that a module uses, directly or through others.
fn reachable(from: &Module, edges: &Edges) -> BTreeSet<Module> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(module) = waiting.pop() {
        for next in &edges[module] {
            if found.insert(next.clone()) {
                waiting.push(next);
            }
        }
    }
    found
}
