//! The rules that a check applies: the name of each, and what it means for an operator when it is broken.

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A rule is broken that the program itself never breaks.
    Broken,
    /// Nothing is broken, but an operator should know of it.
    Noted,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $written:literal, $weight:ident, $meaning:literal;)+) => {
        /// A rule about what a store holds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])* $name),+
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the name of the rule for programs.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $written),+
                }
            }

            /// Returns what a violation means and what to do about it, for people.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning),+
                }
            }

            /// Returns the severity of a violation.
            pub const fn weight(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$weight),+
                }
            }
        }
    };
}

rules! {
    /// Every row can be read.
    Readable = "readable", Broken,
        "the row makes no sense, and every request for it fails: restore a backup, or mend the row by hand";
    /// One active session per project and machine.
    OneActive = "one_active_session", Broken,
        "two agents may be doing the same work: end one of the sessions";
    /// One live session per machine and slot.
    OnePerSlot = "one_session_per_slot", Broken,
        "two live sessions believe that they have the slot: end one of them";
    /// One successor per session.
    OneSuccessor = "one_successor", Broken,
        "a session was brought back twice, and its work may be done twice: end one of the successors";
    /// Successor and predecessor name each other, and the chain counts up.
    Lineage = "lineage", Broken,
        "the chain of recoveries cannot be followed here: what was recovered from what is lost";
    /// Every unfinished task of a recovered session is in its successor.
    NothingLeftBehind = "nothing_left_behind", Broken,
        "work that was unfinished when its session was recovered is in no session: record it anew in the successor";
    /// An ended session has `completed_at`, no current task, and nothing in progress; a live one has no `completed_at`.
    Ended = "ended_session_rests", Broken,
        "a session that is over still seems to work on something, which nobody will ever finish";
    /// A task's session exists.
    TaskHasSession = "task_has_session", Broken,
        "nobody sees the task with its session, and retention will not delete it";
    /// A task belongs to the project of its session.
    TaskProject = "task_of_its_sessions_project", Broken,
        "lists by project show the task in the wrong place";
    /// A copied task comes from the predecessor of its session.
    Copied = "copied_from_predecessor", Broken,
        "the task names a task as its origin that it cannot come from";
    /// The subject of an event exists, unless it was deleted; what was deleted is gone.
    EventSubject = "event_subject", Broken,
        "the history speaks of something that is not there, or of the deletion of something that is";
    /// `updated_at` and `last_heartbeat` never go back.
    Times = "times_in_order", Broken,
        "a time that only moves forward lies before the beginning: silence and order are judged wrongly by it";
    /// Times that are read from the clock are in order.
    Clock = "clock", Noted,
        "a clock was set back at that time, or those of two servers differ: nothing is broken";
}
