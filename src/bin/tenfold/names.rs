//! Options with one of a few names as their value. Shells complete the names.

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};
use std::ffi::OsStr;
use std::str::FromStr;

/// Parses one of `names`. The messages are those of `parse`.
#[derive(Clone)]
pub(crate) struct Names<T> {
    names: Vec<&'static str>,
    parse: fn(&str) -> tenfold::Result<T>,
}

impl<T> Names<T> {
    pub(crate) fn new(
        names: impl IntoIterator<Item = &'static str>,
        parse: fn(&str) -> tenfold::Result<T>,
    ) -> Self {
        let names = names.into_iter().collect();
        Self { names, parse }
    }
}

/// The values of an enumeration of the library, by their names.
pub(crate) fn of<T: FromStr<Err = tenfold::Error> + Copy>(
    all: impl IntoIterator<Item = T>,
    name: fn(T) -> &'static str,
) -> Names<T> {
    Names::new(all.into_iter().map(name), T::from_str)
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Names<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        self.parse.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.names.iter().map(PossibleValue::new)))
    }
}
