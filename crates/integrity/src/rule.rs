//! The rules that a check goes by: what each is called, and what it means to a person when it is broken.

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A rule is broken that the program never breaks by itself.
    Broken,
    /// Nothing is broken; worth knowing.
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

            /// Its name, for programs.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $written),+
                }
            }

            /// What it means that it does not hold, and what to do, for a person.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning),+
                }
            }

            /// How much it matters.
            pub const fn weight(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$weight),+
                }
            }
        }
    };
}

rules! {
    /// A row can be read.
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
    /// What was left of a recovered session is in its successor.
    NothingLeftBehind = "nothing_left_behind", Broken,
        "work that was unfinished when its session was recovered is in no session: record it anew in the successor";
    /// An ended session has a time, no current task, and nothing in progress; a live one has no such time.
    Ended = "ended_session_rests", Broken,
        "a session that is over still seems to work on something, which nobody will ever finish";
    /// A task's session exists.
    TaskHasSession = "task_has_session", Broken,
        "nobody sees the task with its session, and retention will not delete it";
    /// A task is of its session's project.
    TaskProject = "task_of_its_sessions_project", Broken,
        "lists by project show the task in the wrong place";
    /// A copied task comes from the session that its own continues.
    Copied = "copied_from_predecessor", Broken,
        "the task names a task as its origin that it cannot come from";
    /// What an event happened to is there, and what was deleted is gone.
    EventSubject = "event_subject", Broken,
        "the history speaks of something that is not there, or of the deletion of something that is";
    /// `updated_at` and `last_heartbeat` never go back.
    Times = "times_in_order", Broken,
        "a time that only moves forward lies before the beginning: silence and order are judged wrongly by it";
    /// Times that the clock alone gives are in order.
    Clock = "clock", Noted,
        "a clock was set back at that time, or those of two servers differ: nothing is broken";
}
