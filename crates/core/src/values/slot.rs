//! Docker slots: numbers of a machine, each held by at most one live session.

use std::fmt;

use super::InvalidValue;

/// The number of one slot of a machine, 0 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);

impl TryFrom<i64> for Slot {
    type Error = InvalidValue;

    fn try_from(number: i64) -> Result<Self, InvalidValue> {
        u16::try_from(number).map(Self).map_err(|_| InvalidValue::new("must be an integer from 0 to 65535"))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The slots that a machine offers: distinct, in the order of its registration, possibly none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots(Vec<Slot>);

impl Slots {
    /// Returns the slots in the order of the registration.
    pub fn as_slice(&self) -> &[Slot] {
        &self.0
    }

    /// Returns whether the machine has this slot.
    pub fn contains(&self, slot: Slot) -> bool {
        self.0.contains(&slot)
    }
}

impl TryFrom<Vec<Slot>> for Slots {
    type Error = InvalidValue;

    fn try_from(slots: Vec<Slot>) -> Result<Self, InvalidValue> {
        let mut seen = std::collections::HashSet::new();
        match slots.iter().find(|slot| !seen.insert(**slot)) {
            Some(duplicate) => Err(InvalidValue::new(format!("must name each slot once, and names {duplicate} twice"))),
            None => Ok(Self(slots)),
        }
    }
}
