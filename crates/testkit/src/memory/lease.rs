//! Leases on the maps; this store's clock is that of the process.

use std::time::Instant;

use rekindle_core::store::{Claim, Fence};

use super::state::{Lease, State};

impl State {
    pub(super) fn claim(&mut self, claim: Claim) -> Option<Fence> {
        let now = Instant::now();
        let fresh = Lease { holder: None, token: 0, until: now };
        let lease = self.leases.entry(claim.lease).or_insert(fresh);
        if lease.holder != Some(claim.holder) {
            if lease.holder.is_some() && lease.until > now {
                return None;
            }
            lease.holder = Some(claim.holder);
            lease.token += 1;
        }
        lease.until = now + claim.ttl;
        Some(Fence { lease: claim.lease, token: lease.token })
    }

    pub(super) fn release(&mut self, fence: Fence) {
        if self.is_current(fence)
            && let Some(lease) = self.leases.get_mut(&fence.lease)
        {
            lease.holder = None;
        }
    }

    /// Returns whether the lease has neither changed hands nor been released since.
    pub(super) fn is_current(&self, fence: Fence) -> bool {
        self.leases.get(&fence.lease).is_some_and(|lease| lease.holder.is_some() && lease.token == fence.token)
    }
}
