//! Names of the values of enumerations, for the command line and for files.

/// Defines `ALL`, `name`, [`Display`](std::fmt::Display) and [`FromStr`](std::str::FromStr) for an
/// enumeration. Parsing another name fails with [`Error::UnknownName`](crate::Error::UnknownName),
/// which contains the list of names.
macro_rules! named {
    ($type:ident, $what:literal, $first:ident => $first_name:literal
     $(, $variant:ident => $name:literal)* $(,)?) => {
        impl $type {
            /// All values, in the order of their declaration.
            pub const ALL: [Self; [$first_name $(, $name)*].len()] =
                [Self::$first $(, Self::$variant)*];

            /// The name on the command line and in files.
            pub fn name(self) -> &'static str {
                match self {
                    Self::$first => $first_name,
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::error::Error;

            fn from_str(name: &str) -> $crate::error::Result<Self> {
                let mut all = Self::ALL.into_iter();
                all.find(|value| value.name() == name)
                    .ok_or_else(|| $crate::error::Error::UnknownName {
                        what: $what,
                        name: name.to_owned(),
                        known: concat!($first_name $(, ", ", $name)*),
                    })
            }
        }
    };
}

pub(crate) use named;
