//! The rules of `deny.toml`, checked offline: advisories against a RustSec snapshot, licences and
//! banned crates against `cargo metadata`.

use std::path::Path;
use std::process::Command;

use semver::{Version, VersionReq};
use serde::Deserialize;
use serde_json::Value;

use crate::broker::repository;

#[derive(Deserialize)]
struct Deny {
    advisories: Advisories,
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Advisories {
    ignore: Vec<Ignored>,
}

#[derive(Deserialize)]
struct Ignored {
    id: String,
    reason: String,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

#[derive(Deserialize)]
struct AdvisoryFile {
    advisory: Advisory,
    versions: Versions,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    withdrawn: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Versions {
    patched: Vec<String>,
    unaffected: Vec<String>,
}

/// A package of the lock file.
struct Package {
    name: String,
    version: Version,
    license: String,
}

/// What was checked and what was found.
#[derive(Debug, Default)]
pub struct Audit {
    pub packages: usize,
    pub advisories: usize,
    pub faults: Vec<String>,
}

/// Checks everything against the snapshot in `database`.
pub fn audit(database: &Path) -> Audit {
    let text = std::fs::read_to_string(repository().join("deny.toml")).unwrap();
    let deny: Deny = toml::from_str(&text).unwrap();
    let packages = packages();
    let mut audit = Audit { packages: packages.len(), ..Audit::default() };
    let mut used = Vec::new();
    for package in &packages {
        if deny.bans.deny.iter().any(|banned| banned.name == package.name) {
            audit.faults.push(format!("{} is banned", package.name));
        }
        if !is_allowed(&package.license, &deny.licenses.allow) {
            audit.faults.push(format!("{}: licence {:?}", package.name, package.license));
        }
        for id in advisories(database, package, &mut audit) {
            if deny.advisories.ignore.iter().any(|ignored| ignored.id == id) {
                used.push(id);
            } else {
                audit.faults.push(format!("{} {}: {id}", package.name, package.version));
            }
        }
    }
    for ignored in &deny.advisories.ignore {
        if ignored.reason.is_empty() || !used.contains(&ignored.id) {
            audit.faults.push(format!("{} is ignored without reason or need", ignored.id));
        }
    }
    audit
}

fn packages() -> Vec<Package> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| Package {
            name: package["name"].as_str().unwrap().to_owned(),
            version: package["version"].as_str().unwrap().parse().unwrap(),
            license: package["license"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

/// Advisories of the snapshot that the package's version is affected by.
fn advisories(database: &Path, package: &Package, audit: &mut Audit) -> Vec<String> {
    let folder = database.join("crates").join(&package.name);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let front = text.split("```").nth(1).and_then(|part| part.strip_prefix("toml"));
        let file: AdvisoryFile = toml::from_str(front.unwrap_or_default()).unwrap();
        audit.advisories += 1;
        let fits = |ranges: &[String]| {
            ranges.iter().any(|range| VersionReq::parse(range).unwrap().matches(&package.version))
        };
        let versions = &file.versions;
        if file.advisory.withdrawn.is_none()
            && !fits(&versions.patched)
            && !fits(&versions.unaffected)
        {
            found.push(file.advisory.id);
        }
    }
    found
}

/// Whether an SPDX expression can be met with the allowed licences: `OR` chooses, `AND` needs all.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    !plain.trim().is_empty()
        && plain.split(" AND ").all(|part| {
            part.split(" OR ").any(|license| allowed.iter().any(|a| a == license.trim()))
        })
}
