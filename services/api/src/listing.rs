//! Lists: what fits a filter, in an order, page by page, all pages as of one revision.

use std::borrow::Borrow;
use std::sync::Arc;

use portolan_model::limits::PAGE;
use portolan_model::query::{Filter, Kept, Listed, Order};
use portolan_model::{Name, Revision, Scoped, State, Violations};
use tonic::Status;

use crate::cluster::Cluster;
use crate::paging::Page;
use crate::status;

/// The arguments that every list has.
pub(crate) struct Arguments<'a> {
    pub(crate) page_size: i32,
    pub(crate) page_token: &'a str,
    pub(crate) filter: &'a str,
    pub(crate) order_by: &'a str,
    /// The parent, and whatever else is asked for.
    pub(crate) others: &'a [&'a str],
}

/// What was found for a page.
pub(crate) struct Found<R> {
    items: Vec<R>,
    /// There is more behind it.
    more: bool,
}

/// Tag and length of a message in a list, at most.
const ROOM: usize = 8;

/// What a list request asks for.
pub(crate) struct Listing<T: 'static> {
    page: Page,
    filter: Filter<T>,
    order: Order<T>,
}

/// A filter from its text; what is wrong with it is a violation.
pub(crate) fn filter<T: Listed>(text: &str, violations: &mut Violations) -> Filter<T> {
    violations
        .check("filter", Filter::parse(text))
        .unwrap_or_default()
}

impl<T: Listed> Listing<T> {
    /// From a request.
    pub(crate) fn new(asked: &Arguments<'_>, violations: &mut Violations) -> Option<Self> {
        // With the noun, so that no token of another list fits.
        let mut bound = vec![T::NOUN, asked.filter, asked.order_by];
        bound.extend(asked.others);
        let page = Page::new(asked.page_size, asked.page_token, &bound, violations);
        let filter = filter(asked.filter, violations);
        let order = violations.check("order_by", Order::parse(asked.order_by));
        Some(Self {
            page,
            filter,
            order: order?,
        })
    }

    /// The most that a page holds.
    pub(crate) fn size(&self) -> usize {
        self.page.size
    }

    /// One page out of all there is, in whatever order it comes.
    pub(crate) fn sort<R: Borrow<T>>(
        &self,
        state: &State,
        all: impl Iterator<Item = R>,
    ) -> Found<R> {
        let start = self.page.start.as_ref();
        let mut found: Vec<_> = all
            .filter(|it| self.filter.matches(state, it.borrow()))
            .map(|it| (self.order.position(it.borrow()), it))
            .filter(|(at, _)| {
                start.is_none_or(|start| self.order.compare(at, &start.after).is_gt())
            })
            .collect();
        found.sort_by(|(a, _), (b, _)| self.order.compare(a, b));
        let items = found.into_iter().map(|(_, it)| it).collect();
        self.page_out_of(items)
    }

    /// Of what was found in order, the page and whether there is more.
    fn page_out_of<R>(&self, mut items: Vec<R>) -> Found<R> {
        let more = items.len() > self.page.size;
        items.truncate(self.page.size);
        Found { items, more }
    }

    /// What is found as clients see it, as much of it as an answer may be large, and the token of the next page. `revision` is
    /// what the list shows.
    pub(crate) fn shown<R: Borrow<T>, M: prost::Message>(
        &self,
        revision: Revision,
        found: &Found<R>,
        shown: impl Fn(&R) -> M,
    ) -> (Vec<M>, String) {
        let (mut messages, mut size) = (Vec::new(), 0);
        for item in &found.items {
            let message = shown(item);
            size += ROOM + message.encoded_len();
            // Of one that is larger than a page, the page is that one.
            if size > PAGE.value && !messages.is_empty() {
                break;
            }
            messages.push(message);
        }
        let is_cut = found.more || messages.len() < found.items.len();
        let last = messages.len().checked_sub(1).filter(|_| is_cut);
        let token = last.map(|last| {
            let at = self.order.position(found.items[last].borrow());
            self.page.token(revision.0, &at)
        });
        (messages, token.unwrap_or_default())
    }
}

impl<T: Kept> Listing<T> {
    /// The state that all pages of the list show: for the first page the newest, once it shows `min_revision`.
    pub(crate) async fn state(
        &self,
        access: &Cluster,
        min_revision: u64,
    ) -> Result<Arc<State>, Status> {
        let Some(start) = &self.page.start else {
            return access.state_at(min_revision).await;
        };
        // Another replica, which was ahead of this one, may have answered the first page.
        access.state_at(start.revision).await?;
        let cache = access.allocator.cache();
        let past = cache.state_as_of(Revision(start.revision));
        past.map_err(status::from_compacted)
    }

    /// One page of a namespace or of all.
    pub(crate) fn page(&self, state: &State, namespace: Option<&Name>) -> Found<Arc<T>> {
        if self.order.is_by_key() {
            let after = self.after();
            self.cut(state, state.after(namespace, after.as_ref()))
        } else {
            let all = state.after(namespace, None).cloned();
            self.sort(state, all)
        }
    }

    /// One page out of these, which are in order of their keys.
    pub(crate) fn page_of<'a>(
        &self,
        state: &State,
        all: impl Iterator<Item = &'a Arc<T>>,
    ) -> Found<Arc<T>> {
        if self.order.is_by_key() {
            let after = self.after();
            let rest = all.filter(|it| after.as_ref().is_none_or(|after| it.sort_key() > *after));
            self.cut(state, rest)
        } else {
            self.sort(state, all.cloned())
        }
    }

    fn cut<'a>(&self, state: &State, rest: impl Iterator<Item = &'a Arc<T>>) -> Found<Arc<T>> {
        let fitting = rest.filter(|it| self.filter.matches(state, it));
        self.page_out_of(fitting.take(self.page.size + 1).cloned().collect())
    }

    /// The key that a page in order of keys starts after.
    fn after(&self) -> Option<Scoped> {
        // Positions end with the key.
        match self.page.start.as_ref()?.after.as_slice() {
            [.., namespace, name] => Some(Scoped::new(
                Name::trusted(namespace.as_str()),
                Name::trusted(name.as_str()),
            )),
            _ => None,
        }
    }
}
