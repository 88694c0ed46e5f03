//! The operations of a store, by name and by kind: each query of the catalogue is one, and each other method of the port.

use rekindle_core::store::queries;

/// What may be done with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Changes nothing: it may be repeated.
    Read,
    /// Refreshes a heartbeat: the most frequent write.
    Beat,
    /// Applies changes. The use cases know how to repeat it.
    Commit,
    /// Claims or releases a lease.
    Lease,
    /// Checks that the store works.
    Ping,
}

/// An operation of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Op {
    name: &'static str,
    kind: Kind,
}

impl Op {
    /// [`rekindle_core::Store::events`].
    pub const EVENTS: Self = Self { name: "events", kind: Kind::Read };
    /// [`rekindle_core::Store::audit_log`].
    pub const AUDIT_LOG: Self = Self { name: "trail", kind: Kind::Read };
    /// [`rekindle_core::Store::commit`].
    pub const COMMIT: Self = Self { name: "commit", kind: Kind::Commit };
    /// [`rekindle_core::Store::record_heartbeat`].
    pub const BEAT: Self = Self { name: "beat", kind: Kind::Beat };
    /// [`rekindle_core::Store::record_machine_heartbeat`].
    pub const BEAT_MACHINE: Self = Self { name: "beat_machine", kind: Kind::Beat };
    /// [`rekindle_core::Store::claim`].
    pub const CLAIM: Self = Self { name: "claim", kind: Kind::Lease };
    /// [`rekindle_core::Store::release`].
    pub const RELEASE: Self = Self { name: "release", kind: Kind::Lease };
    /// [`rekindle_core::Store::ping`].
    pub const PING: Self = Self { name: "ping", kind: Kind::Ping };

    /// Every operation but the queries.
    const METHODS: [Self; 8] = [
        Self::EVENTS,
        Self::AUDIT_LOG,
        Self::COMMIT,
        Self::BEAT,
        Self::BEAT_MACHINE,
        Self::CLAIM,
        Self::RELEASE,
        Self::PING,
    ];

    /// Returns the operation of a query of this name.
    pub const fn query(name: &'static str) -> Self {
        Self { name, kind: Kind::Read }
    }

    /// Returns every operation on Rekindle's own entities: the queries of the catalogue, and then the other methods.
    pub fn all() -> impl Iterator<Item = Self> {
        queries::NAMES.iter().copied().map(Self::query).chain(Self::METHODS)
    }

    /// Returns the name, for metrics and traces.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns what may be done with it.
    pub const fn kind(self) -> Kind {
        self.kind
    }
}
