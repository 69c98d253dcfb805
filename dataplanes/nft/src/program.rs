//! A program: written down by a dataplane in pieces of its own, and as a table of one family has it.

use portolan_netlink::nftables::{
    self, Batch, Expression, Family, Hook, Listed, Set, Table, Verdict, comment,
};

/// Keys, and what they lead to.
pub type Verdicts = Vec<(Vec<u8>, Verdict)>;

/// A chain as a dataplane writes it down; its rules are made of `P`.
#[derive(Debug)]
pub struct Chain<P> {
    /// Its name.
    pub name: String,
    /// Where packets enter it; without a hook it is only jumped to.
    pub hook: Option<Hook>,
    /// Its rules, in order.
    pub rules: Vec<Rule<P>>,
}

/// A rule, and why it is there.
#[derive(Debug)]
pub struct Rule<P> {
    /// The comment that `nft` shows; none if it is empty.
    pub why: &'static str,
    /// What it does, from left to right.
    pub parts: Vec<P>,
}

/// A rule, and why it is there.
pub fn rule<P, const N: usize>(why: &'static str, parts: [P; N]) -> Rule<P> {
    Rule {
        why,
        parts: parts.into(),
    }
}

/// A chain that is only jumped to.
pub fn chain<P>(name: &str, rules: impl Into<Vec<Rule<P>>>) -> Chain<P> {
    Chain {
        name: name.to_owned(),
        hook: None,
        rules: rules.into(),
    }
}

/// A chain that packets enter.
pub fn hooked<P>(name: &str, hook: Hook, rules: Vec<Rule<P>>) -> Chain<P> {
    Chain {
        hook: Some(hook),
        ..chain(name, rules)
    }
}

/// Everything of a table but the elements that change.
#[derive(Debug)]
pub struct Program {
    /// The table's comment. It tells one program from another, also where the kernel's listing would not.
    pub layout: &'static str,
    /// Its sets, in the order in which they are declared, as all here.
    pub sets: Vec<Set>,
    /// Its chains, with their hooks.
    pub chains: Vec<nftables::Chain>,
    /// The rules of all chains.
    pub rules: Vec<nftables::Rule>,
    /// Elements of constant maps, by the map's name.
    pub verdicts: Vec<(&'static str, Verdicts)>,
}

impl Program {
    /// Makes netlink of what was written down, piece by piece. There are no constant maps yet.
    pub fn of<P>(
        layout: &'static str,
        sets: Vec<Set>,
        chains: &[Chain<P>],
        expressions: impl Fn(&P) -> Vec<Expression>,
    ) -> Self {
        let rules = chains.iter().flat_map(|chain| {
            chain.rules.iter().map(|rule| nftables::Rule {
                chain: chain.name.clone(),
                expressions: rule.parts.iter().flat_map(&expressions).collect(),
                userdata: if rule.why.is_empty() {
                    Vec::new()
                } else {
                    comment(rule.why)
                },
            })
        });
        let hooks = chains.iter().map(|chain| nftables::Chain {
            name: chain.name.clone(),
            hook: chain.hook,
        });
        Self {
            layout,
            sets,
            chains: hooks.collect(),
            rules: rules.collect(),
            verdicts: Vec::new(),
        }
    }

    /// Adds the table.
    pub(crate) fn load(&self, table: (Family, &str), batch: &mut Batch) {
        batch.add_table(&Table {
            family: table.0,
            name: table.1.to_owned(),
            userdata: comment(self.layout),
        });
        for set in &self.sets {
            batch.add_set(table, set);
        }
        for chain in &self.chains {
            batch.add_chain(table, chain);
        }
        for rule in &self.rules {
            batch.add_rule(table, rule);
        }
        for (map, elements) in &self.verdicts {
            batch.add_verdicts(table, map, elements);
        }
    }

    /// Whether what the kernel lists is this program, rule by rule.
    pub(crate) fn matches(&self, listed: &Listed) -> bool {
        let chains = self.chains.iter().map(|chain| &chain.name);
        let sets = self.sets.iter();
        let sets = sets.map(|set| (set.name.clone(), set.all_flags(), set.key_length()));
        let rules = self.rules.iter();
        let rules = rules.map(|rule| (rule.chain.clone(), rule.encoded()));
        listed.userdata == comment(self.layout)
            && listed.chains.iter().eq(chains)
            && sets.eq(listed.sets.iter().cloned())
            && rules.eq(listed.rules.iter().cloned())
    }
}
