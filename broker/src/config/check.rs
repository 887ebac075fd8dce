//! Collects faults while keys are taken out of a TOML table; what is left over is a fault too.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use schleuse_proto::identity::is_part;
use toml::{Table, Value};

use super::ConfigError;

pub(super) struct Checker<'a> {
    table: Table,
    base: &'a Path,
    faults: Vec<String>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(text: &str, base: &'a Path) -> Result<Self, ConfigError> {
        let table = text
            .parse::<Table>()
            .map_err(|error| ConfigError { faults: vec![error.to_string()] })?;
        Ok(Self { table, base, faults: Vec::new() })
    }

    /// Fails with all faults, if there are any.
    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        left_over("", &self.table, &mut self.faults);
        if self.faults.is_empty() { Ok(()) } else { Err(ConfigError { faults: self.faults }) }
    }

    /// A rule between several keys.
    pub(super) fn require(&mut self, holds: bool, fault: &str) {
        if !holds {
            self.faults.push(fault.to_owned());
        }
    }

    /// The entries of an array of tables, each read by `read`; their faults are named by their place,
    /// counted from 1.
    pub(super) fn entries<T>(
        &mut self,
        key: &str,
        entries_max: usize,
        read: impl Fn(&mut Checker<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let tables = value.as_array().filter(|entries| entries.len() <= entries_max);
        let tables = tables.and_then(|entries| entries.iter().map(Value::as_table).collect());
        let Some(tables): Option<Vec<&Table>> = tables else {
            self.faults.push(format!("{key}: expected at most {entries_max} tables [[{key}]]"));
            return Vec::new();
        };
        let mut read_entries = Vec::new();
        for (table, place) in tables.into_iter().zip(1..) {
            let mut entry = Checker { table: table.clone(), base: self.base, faults: Vec::new() };
            read_entries.extend(read(&mut entry));
            left_over("", &entry.table, &mut entry.faults);
            let faults = entry.faults.iter().map(|fault| format!("{key}[{place}].{fault}"));
            self.faults.extend(faults);
        }
        read_entries
    }

    /// The same where nothing is needed.
    pub(super) fn optional_address(&mut self, key: &str) -> Option<SocketAddr> {
        let value = self.take(key)?;
        let address = value.as_str().and_then(|text| text.parse().ok());
        if address.is_none() {
            self.wrong(key, &value, "an address with port, like \"127.0.0.1:8444\"");
        }
        address
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T>(
        &mut self,
        key: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.required(key)?;
        let parsed = value.as_str().and_then(parse);
        if parsed.is_none() {
            self.wrong(key, &value, expected);
        }
        parsed
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        match key.split_once('.') {
            None => self.table.remove(key),
            Some((section, key)) => self.table.get_mut(section)?.as_table_mut()?.remove(key),
        }
    }

    fn required(&mut self, key: &str) -> Option<Value> {
        let value = self.take(key);
        if value.is_none() {
            self.faults.push(format!("{key}: is missing"));
        }
        value
    }

    fn wrong(&mut self, key: &str, value: &Value, expected: &str) {
        self.faults.push(format!("{key} = {value}: expected {expected}"));
    }

    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.required(key)?;
        let chosen = choices.iter().find(|(name, _)| value.as_str() == Some(name));
        if chosen.is_none() {
            let names: Vec<String> =
                choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            self.wrong(key, &value, &format!("one of {}", names.join(", ")));
        }
        chosen.map(|(_, choice)| *choice)
    }

    pub(super) fn address(&mut self, key: &str) -> Option<SocketAddr> {
        let value = self.required(key)?;
        let address = value.as_str().and_then(|text| text.parse().ok());
        if address.is_none() {
            self.wrong(key, &value, "an address with port, like \"127.0.0.1:8443\"");
        }
        address
    }

    pub(super) fn identifier(&mut self, key: &str) -> String {
        let Some(value) = self.required(key) else { return String::new() };
        match value.as_str().filter(|text| is_part(text)) {
            Some(text) => text.to_owned(),
            None => {
                self.wrong(key, &value, "1 to 40 of [a-z0-9-]");
                String::new()
            }
        }
    }

    pub(super) fn path(&mut self, key: &str) -> PathBuf {
        let Some(value) = self.required(key) else { return PathBuf::new() };
        match value.as_str().filter(|text| !text.is_empty()) {
            Some(text) => self.base.join(text),
            None => {
                self.wrong(key, &value, "a path");
                PathBuf::new()
            }
        }
    }

    /// A path that need not be given, whose folder must exist.
    pub(super) fn optional_path(&mut self, key: &str) -> Option<PathBuf> {
        let value = self.take(key)?;
        let path = value.as_str().filter(|text| !text.is_empty()).map(|text| self.base.join(text));
        let path = path.filter(|path| path.parent().is_some_and(Path::is_dir));
        if path.is_none() {
            self.wrong(key, &value, "a path in a folder that exists");
        }
        path
    }

    pub(super) fn file(&mut self, key: &str) -> PathBuf {
        let before = self.faults.len();
        let path = self.path(key);
        if self.faults.len() == before
            && let Err(error) = std::fs::File::open(&path)
        {
            let shown = self.shown(&path);
            self.faults.push(format!("{key} = \"{shown}\": cannot be read: {error}"));
        }
        path
    }

    pub(super) fn folder(&mut self, key: &str) -> PathBuf {
        let before = self.faults.len();
        let path = self.path(key);
        if self.faults.len() == before
            && let Err(error) = std::fs::read_dir(&path)
        {
            let shown = self.shown(&path);
            self.faults.push(format!("{key} = \"{shown}\": cannot be read as a folder: {error}"));
        }
        path
    }

    /// A file that only its owner may read.
    pub(super) fn secret(&mut self, key: &str) -> PathBuf {
        let before = self.faults.len();
        let path = self.file(key);
        if self.faults.len() == before
            && let Ok(metadata) = std::fs::metadata(&path)
            && metadata.permissions().mode() & 0o077 != 0
        {
            let (shown, mode) = (self.shown(&path), metadata.permissions().mode() & 0o777);
            self.faults.push(format!(
                "{key} = \"{shown}\": others can read it (mode {mode:o}); run chmod 600"
            ));
        }
        path
    }

    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        let Some(value) = self.take(key) else { return default };
        value.as_bool().unwrap_or_else(|| {
            self.wrong(key, &value, "true or false");
            default
        })
    }

    pub(super) fn number(&mut self, key: &str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(value) = self.take(key) else { return default };
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        number.filter(|number| range.contains(number)).unwrap_or_else(|| {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            self.wrong(key, &value, &expected);
            default
        })
    }

    /// A number that must be given.
    pub(super) fn required_number(&mut self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.required(key)?;
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            self.wrong(key, &value, &expected);
        }
        number
    }

    pub(super) fn count(&mut self, key: &str, default: u64, range: RangeInclusive<u64>) -> usize {
        usize::try_from(self.number(key, default, range)).unwrap_or(usize::MAX)
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.base).unwrap_or(path).display().to_string()
    }
}

fn left_over(prefix: &str, table: &Table, faults: &mut Vec<String>) {
    for (key, value) in table {
        match value {
            Value::Table(table) if prefix.is_empty() => {
                left_over(&format!("{key}."), table, faults);
            }
            Value::Table(_)
            | Value::Array(_)
            | Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_) => faults.push(format!("{prefix}{key}: there is no such key")),
        }
    }
}
