//! What a former process left.

use std::collections::BTreeSet;

use portolan_netlink::NetlinkError;
use portolan_nft::{FAMILIES, Found, compare};
use tracing::{info, warn};

use crate::IpvsDataplane;
use crate::dataplane::Error;
use crate::mirror::Mirror;
use crate::program::SetName;
use crate::recover::{Recovered, recover};
use crate::render::ids;
use crate::servers::Leave;

impl IpvsDataplane {
    /// Takes over what a former process left, without writing anything if that is whole.
    pub(crate) async fn adopt(&mut self) -> Result<Found, Error> {
        if let Some(found) = self.found {
            return Ok(found);
        }
        self.check().await?;
        let found = self.tables.look().await?;
        self.servers.adopt().await?;
        if found == Found::Ours {
            let entries = self.tables.entries(&SetName::OF_SERVICES).await?;
            self.mirror = self.mirror_of(recover(&entries));
            let repair = compare(entries, self.mirror.entries());
            self.repaired(&repair);
            self.tables.carry(&repair).await?;
            self.ranges = self.tables.ranges().await?;
            let guarded = |f| !self.ranges[&(f, SetName::ServiceCidrs)].is_empty();
            self.guarded = FAMILIES.into_iter().any(guarded);
        }
        self.adopt_servers().await?;
        info!(
            frontends = self.mirror.state().len(),
            "adopted what was programmed"
        );
        self.found = Some(found);
        Ok(found)
    }

    pub(crate) fn mirror_of(&self, recovered: Recovered) -> Mirror {
        Mirror::of(recovered, self.options.mark_bit, &self.environment.own)
    }

    /// Has IPVS as the tables say; what they don't know of drains.
    async fn adopt_servers(&mut self) -> Result<(), NetlinkError> {
        let served = self.mirror.marks.served().clone();
        let mut known = BTreeSet::new();
        for (key, mark) in served {
            known.extend(ids(key, self.options.mark_bit.of_servers(mark)));
            if let Err(error) = self.serve(key, Some(mark)).await {
                warn!(%key, %error, "what was programmed could not be completed");
            }
        }
        for id in self.servers.strays(&known) {
            self.servers.remove(id, Leave::Drain).await?;
        }
        Ok(())
    }
}
