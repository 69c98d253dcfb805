//! Taking over values and forgetting them.

use portolan_model::Uid;
use portolan_model::view::{EndpointView, NodeView, Packed, PackedView, View, ViewKey, ViewKind};

use super::{Touched, Views};
use crate::full::{full, full_set};

impl Views {
    pub(super) fn put(&mut self, uid: Uid, view: PackedView, touched: &mut Touched) {
        match view {
            PackedView::Service(packed) => {
                if self.services.get(&uid) != Some(&packed) {
                    self.services.insert(uid, packed);
                    touched.services.insert(uid);
                }
            }
            PackedView::Endpoint(packed) => self.put_endpoint(uid, packed, touched),
            PackedView::Other(view) => self.put_other(uid, *view, touched),
        }
    }

    fn put_other(&mut self, uid: Uid, view: View, touched: &mut Touched) {
        match view {
            View::Cluster(view) => {
                let held = Some((uid, view));
                if self.cluster != held {
                    touched.cluster = true;
                    self.cluster = held;
                    self.refuse_again();
                }
            }
            View::Node(view) => self.put_node(uid, view, touched),
            View::Workload(view) => {
                if self.workloads.get(&uid) != Some(&view) {
                    self.workloads.insert(uid, view);
                    touched.workloads.insert(uid);
                }
            }
            many @ (View::Service(_) | View::Endpoint(_)) => self.put(uid, many.into(), touched),
        }
    }

    /// A first state fills trees in order.
    pub(super) fn fill(&mut self) {
        full(&mut self.services);
        full(&mut self.endpoints);
        full_set(&mut self.of_services);
    }

    pub(super) fn forget(&mut self, key: ViewKey, touched: &mut Touched) {
        let uid = key.uid;
        match key.kind {
            ViewKind::Cluster => {
                if self.cluster.take_if(|(held, _)| *held == uid).is_some() {
                    touched.cluster = true;
                    self.refuse_again();
                }
            }
            ViewKind::Node => self.forget_node(uid, touched),
            ViewKind::Service => {
                if self.services.remove(&uid).is_some() {
                    touched.services.insert(uid);
                }
            }
            ViewKind::Endpoint => self.forget_endpoint(uid, touched),
            ViewKind::Workload => {
                if self.workloads.remove(&uid).is_some() {
                    touched.workloads.insert(uid);
                }
            }
        }
    }

    /// The ranges changed.
    fn refuse_again(&mut self) {
        let all = self.endpoints.iter();
        let refused = all.filter_map(|(uid, packed)| Some((*uid, self.refusal(&packed.view())?)));
        self.refused = refused.collect();
    }

    fn refusal(&self, view: &EndpointView) -> Option<String> {
        self.cluster()?.admit(view.address).err()
    }

    fn put_node(&mut self, uid: Uid, view: NodeView, touched: &mut Touched) {
        if self.nodes.get(&uid) == Some(&view) {
            return;
        }
        self.forget_node(uid, touched);
        touched.nodes.insert(view.name.clone());
        self.nodes_by_name.insert(view.name.clone(), uid);
        self.nodes.insert(uid, view);
    }

    fn forget_node(&mut self, uid: Uid, touched: &mut Touched) {
        let Some(view) = self.nodes.remove(&uid) else {
            return;
        };
        // A node that was deleted and created again within one batch has the same name under a new uid.
        if self.nodes_by_name.get(&view.name) == Some(&uid) {
            self.nodes_by_name.remove(&view.name);
        }
        touched.nodes.insert(view.name);
    }

    fn put_endpoint(&mut self, uid: Uid, packed: Packed<EndpointView>, touched: &mut Touched) {
        let held = self.endpoints.get(&uid);
        if held == Some(&packed) {
            return;
        }
        let view = packed.view();
        if held.is_some_and(|held| held.view().service != view.service) {
            self.forget_endpoint(uid, touched);
        }
        touched.services.insert(view.service);
        self.refused.remove(&uid);
        self.refused
            .extend(self.refusal(&view).map(|why| (uid, why)));
        if self.endpoints.insert(uid, packed).is_none() {
            self.of_services.insert((view.service, uid));
        }
    }

    fn forget_endpoint(&mut self, uid: Uid, touched: &mut Touched) {
        if let Some(packed) = self.endpoints.remove(&uid) {
            let service = packed.view().service;
            self.of_services.remove(&(service, uid));
            self.refused.remove(&uid);
            touched.services.insert(service);
        }
    }
}
