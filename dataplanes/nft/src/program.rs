//! A program, as a table of one family has it.

use portolan_netlink::nftables::{
    Batch, Chain, Expression, Family, Listed, Rule, Set, Table, Verdict, comment,
};

/// Keys, and what they lead to.
pub type Verdicts = Vec<(Vec<u8>, Verdict)>;

/// Everything of a table but the elements that change.
#[derive(Debug)]
pub struct Program {
    /// The table's comment. It tells one program from another, also where the kernel's listing would not.
    pub layout: &'static str,
    /// In the order in which they are declared, as all here.
    pub sets: Vec<Set>,
    /// With their hooks.
    pub chains: Vec<Chain>,
    /// Of all chains.
    pub rules: Vec<Rule>,
    /// Elements of constant maps, by the map's name.
    pub verdicts: Vec<(&'static str, Verdicts)>,
}

impl Program {
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

/// A rule of a chain; `why` is its comment, if it has one.
pub fn rule(chain: &str, why: &str, expressions: Vec<Expression>) -> Rule {
    Rule {
        chain: chain.to_owned(),
        expressions,
        userdata: if why.is_empty() {
            Vec::new()
        } else {
            comment(why)
        },
    }
}
