//! Enums that are written as one of a few fixed texts, in requests, in the store and in answers.

use super::InvalidValue;

/// Declares an enum whose variants each have a text. The text is its `Display`, and `FromStr` accepts no other.
macro_rules! string_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $($(#[$doc])* $variant),+
        }

        impl $name {
            /// Every variant, in the order of their declaration.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The text of every variant, in the order of their declaration.
            pub const TEXTS: &'static [&'static str] = &[$($text),+];

            /// Returns the text of this variant, as it is sent and stored.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::values::InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::values::string_enum::parse(text, &Self::ALL, Self::as_str)
            }
        }
    };
}

pub(crate) use string_enum;

/// Returns the variant with this text. Fails with a list of the accepted texts.
pub(crate) fn parse<T: Copy>(text: &str, all: &[T], as_str: fn(T) -> &'static str) -> Result<T, InvalidValue> {
    all.iter().copied().find(|variant| as_str(*variant) == text).ok_or_else(|| {
        let texts: Vec<_> = all.iter().map(|variant| as_str(*variant)).collect();
        InvalidValue::new(format!("must be one of {}", texts.join(", ")))
    })
}
