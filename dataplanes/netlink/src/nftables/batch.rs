//! A transaction: all of it happens, or nothing.

use std::fmt;

use super::element::{Data, Element, write_data};
use super::{Chain, Family, Rule, Set, Table, Verdict};
use crate::abi::{
    NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES, NFT_MSG_DELSETELEM,
    NFT_MSG_DELTABLE, NFT_MSG_NEWCHAIN, NFT_MSG_NEWRULE, NFT_MSG_NEWSET, NFT_MSG_NEWSETELEM,
    NFT_MSG_NEWTABLE, NFTA_DATA_VALUE, NFTA_LIST_ELEM, NFTA_SET_ELEM_DATA, NFTA_SET_ELEM_KEY,
    NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_SET_ELEM_LIST_SET, NFTA_SET_ELEM_LIST_TABLE, NFTA_TABLE_NAME,
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST,
};
use crate::message::Begun;
use crate::tlv::Writer;

/// A list of elements is one attribute, and those end at 64 KiB.
const MOST_LIST: usize = 60_000;

/// A sort of message.
#[derive(Copy, Clone)]
struct Sort {
    /// What it does, for errors.
    what: &'static str,
    kind: u16,
    flags: u16,
}

const fn sort(what: &'static str, kind: u16, flags: u16) -> Sort {
    Sort { what, kind, flags }
}

const ADD_TABLE: Sort = sort("add", NFT_MSG_NEWTABLE, NLM_F_CREATE);
const DELETE_TABLE: Sort = sort("delete", NFT_MSG_DELTABLE, 0);
const ADD_CHAIN: Sort = sort("add chain", NFT_MSG_NEWCHAIN, NLM_F_CREATE);
const ADD_RULE: Sort = sort(
    "add a rule to chain",
    NFT_MSG_NEWRULE,
    NLM_F_CREATE | NLM_F_APPEND,
);
const ADD_SET: Sort = sort("add set", NFT_MSG_NEWSET, NLM_F_CREATE);
const ADD_ELEMENTS: Sort = sort("add elements to", NFT_MSG_NEWSETELEM, NLM_F_CREATE);
const DELETE_ELEMENTS: Sort = sort("delete elements of", NFT_MSG_DELSETELEM, 0);
const FLUSH_SET: Sort = sort("flush set", NFT_MSG_DELSETELEM, 0);

/// What will be done in one transaction, in this order.
#[derive(Debug)]
pub struct Batch {
    writer: Writer,
    steps: Vec<Step>,
    /// Where each step's message starts.
    starts: Vec<usize>,
    sets: u32,
}

/// A step of a batch: what an error names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    what: &'static str,
    name: String,
    family: Family,
    table: String,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (family, table) = (self.family.as_str(), &self.table);
        if self.name.is_empty() {
            write!(f, "{} table {family} {table}", self.what)
        } else {
            write!(f, "{} {} of table {family} {table}", self.what, self.name)
        }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// Begins with nothing to do.
    pub fn new() -> Self {
        let mut writer = Writer::new();
        let begun = writer.begin(
            NFNL_MSG_BATCH_BEGIN,
            NLM_F_REQUEST,
            0,
            0,
            NFNL_SUBSYS_NFTABLES,
        );
        writer.end(begun);
        Self {
            writer,
            steps: Vec::new(),
            starts: Vec::new(),
            sets: 0,
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many bytes there are so far.
    pub fn size(&self) -> usize {
        self.writer.bytes.len()
    }

    /// Adds a table, unless it is there.
    pub fn add_table(&mut self, table: &Table) {
        let at = (table.family, table.name.as_str());
        self.step(ADD_TABLE, at, "", |w| table.write(w));
    }

    /// Deletes a table with everything in it.
    pub fn delete_table(&mut self, table: (Family, &str)) {
        self.step(DELETE_TABLE, table, "", |w| {
            w.put_str(NFTA_TABLE_NAME, table.1);
        });
    }

    /// Adds a chain, unless it is there.
    pub fn add_chain(&mut self, table: (Family, &str), chain: &Chain) {
        self.step(ADD_CHAIN, table, &chain.name, |w| chain.write(table.1, w));
    }

    /// Adds a rule at the end of its chain.
    pub fn add_rule(&mut self, table: (Family, &str), rule: &Rule) {
        self.step(ADD_RULE, table, &rule.chain, |w| rule.write(table.1, w));
    }

    /// Adds a set or map, unless it is there.
    pub fn add_set(&mut self, table: (Family, &str), set: &Set) {
        self.sets += 1;
        let id = self.sets;
        self.step(ADD_SET, table, &set.name, |w| set.write(table.1, id, w));
    }

    /// Adds elements; one that is there with another value fails, with the same value changes nothing.
    pub fn add_elements<'a>(
        &mut self,
        table: (Family, &str),
        set: &str,
        elements: impl IntoIterator<Item = &'a Element>,
    ) {
        self.elements(ADD_ELEMENTS, table, set, elements, |element, w| {
            element.write(true, w);
        });
    }

    /// Deletes elements by their keys; one that is not there fails.
    pub fn delete_elements<'a>(
        &mut self,
        table: (Family, &str),
        set: &str,
        elements: impl IntoIterator<Item = &'a Element>,
    ) {
        self.elements(DELETE_ELEMENTS, table, set, elements, |element, w| {
            element.write(false, w);
        });
    }

    /// Deletes every element.
    pub fn flush_set(&mut self, table: (Family, &str), set: &str) {
        self.step(FLUSH_SET, table, set, |w| {
            w.put_str(NFTA_SET_ELEM_LIST_TABLE, table.1);
            w.put_str(NFTA_SET_ELEM_LIST_SET, set);
        });
    }

    /// Adds the elements of a constant map of verdicts, at most a few hundred.
    pub fn add_verdicts(
        &mut self,
        table: (Family, &str),
        map: &str,
        verdicts: &[(Vec<u8>, Verdict)],
    ) {
        self.step(ADD_ELEMENTS, table, map, |w| {
            w.put_str(NFTA_SET_ELEM_LIST_TABLE, table.1);
            w.put_str(NFTA_SET_ELEM_LIST_SET, map);
            w.nest(NFTA_SET_ELEM_LIST_ELEMENTS, |w| {
                for (key, verdict) in verdicts {
                    w.nest(NFTA_LIST_ELEM, |w| {
                        w.nest(NFTA_SET_ELEM_KEY, |w| w.put(NFTA_DATA_VALUE, key));
                        write_data(&Data::Verdict(verdict), NFTA_SET_ELEM_DATA, w);
                    });
                }
            });
        });
    }

    /// Numbers the messages from `first` on, asks for the acknowledgement of the last and ends the transaction.
    pub(crate) fn finish(&mut self, first: u32) -> Vec<Step> {
        let number = |bytes: &mut [u8], start: usize, sequence: u32| {
            bytes[start + 8..start + 12].copy_from_slice(&sequence.to_ne_bytes());
        };
        let mut sequence = first;
        number(&mut self.writer.bytes, 0, sequence);
        for start in &self.starts {
            sequence = sequence.wrapping_add(1);
            number(&mut self.writer.bytes, *start, sequence);
        }
        if let Some(last) = self.starts.last() {
            self.writer.flag(*last, NLM_F_ACK);
        }
        let end = sequence.wrapping_add(1);
        let begun = self.writer.begin(
            NFNL_MSG_BATCH_END,
            NLM_F_REQUEST,
            end,
            0,
            NFNL_SUBSYS_NFTABLES,
        );
        self.writer.end(begun);
        std::mem::take(&mut self.steps)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.writer.as_bytes()
    }

    /// As many messages as the elements need.
    fn elements<'a>(
        &mut self,
        sort: Sort,
        table: (Family, &str),
        set: &str,
        elements: impl IntoIterator<Item = &'a Element>,
        write: impl Fn(&Element, &mut Writer),
    ) {
        let mut elements = elements.into_iter().peekable();
        while elements.peek().is_some() {
            self.step(sort, table, set, |w| {
                w.put_str(NFTA_SET_ELEM_LIST_TABLE, table.1);
                w.put_str(NFTA_SET_ELEM_LIST_SET, set);
                let list = w.open(NFTA_SET_ELEM_LIST_ELEMENTS);
                let mut empty = true;
                while let Some(element) =
                    elements.next_if(|next| empty || w.size_of(&list) + next.size() <= MOST_LIST)
                {
                    w.nest(NFTA_LIST_ELEM, |w| write(element, w));
                    empty = false;
                }
                w.close(list);
            });
        }
    }

    fn step(
        &mut self,
        sort: Sort,
        table: (Family, &str),
        name: &str,
        body: impl FnOnce(&mut Writer),
    ) {
        self.starts.push(self.writer.bytes.len());
        let kind = NFNL_SUBSYS_NFTABLES << 8 | sort.kind;
        let flags = NLM_F_REQUEST | sort.flags;
        let (family, table) = table;
        let begun: Begun = self.writer.begin(kind, flags, 0, family as u8, 0);
        body(&mut self.writer);
        self.writer.end(begun);
        self.steps.push(Step {
            what: sort.what,
            name: name.to_owned(),
            family,
            table: table.to_owned(),
        });
    }
}
