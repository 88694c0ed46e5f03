//! The operations of the port, by name and by kind.

/// What may be done with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Changes nothing: it may be asked again.
    Read,
    /// Refreshes a heartbeat: the one hot command.
    Beat,
    /// Applies changes. The use cases know how to ask again.
    Commit,
    /// Takes a duty or gives it back.
    Lease,
    /// Asks how the store is.
    Ping,
}

/// Declares the operations from the port's names.
macro_rules! operations {
    ($($op:ident $name:ident $kind:ident;)+) => {
        /// A method of the port.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Op {
            $(#[doc = concat!("`Store::", stringify!($name), "`.")] $op,)+
        }

        impl Op {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$(Self::$op),+];

            /// The method's name, for metrics and traces.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$op => stringify!($name),)+
                }
            }

            /// What may be done with it.
            pub const fn kind(self) -> Kind {
                match self {
                    $(Self::$op => Kind::$kind,)+
                }
            }
        }
    };
}

operations! {
    Session session Read;
    Task task Read;
    Machine machine Read;
    TasksOf tasks_of Read;
    ActiveSession active_session Read;
    SlotHolder slot_holder Read;
    LiveSessions live_sessions Read;
    Sessions sessions Read;
    Tasks tasks Read;
    Machines machines Read;
    Counts counts Read;
    SilentSessions silent_sessions Read;
    OverdueSessions overdue_sessions Read;
    OverdueMachines overdue_machines Read;
    EarliestHeartbeat earliest_heartbeat Read;
    Watch watch Read;
    Expired expired Read;
    ExpiredCounts expired_counts Read;
    Events events Read;
    Trail trail Read;
    Keys keys Read;
    Remembered remembered Read;
    Commit commit Commit;
    Beat beat Beat;
    BeatMachine beat_machine Beat;
    Claim claim Lease;
    Release release Lease;
    Ping ping Ping;
}
