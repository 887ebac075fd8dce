//! Compiles `schleuse/v1/*.proto` without a protoc, and writes the list of all calls as an enum, so
//! that a table over the calls fails to compile when a call is added without a row. Each message that
//! a content can hold becomes a content by `From`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorSet;

/// Calls that the broker serves beside its own: health and reflection.
const FOREIGN_CALLS: &[&str] = &[
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/List",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files: Vec<PathBuf> = fs::read_dir("schleuse/v1")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    println!("cargo:rerun-if-changed=schleuse");
    let descriptors = protox::compile(&files, ["."])?;
    fs::write(out.join("schleuse.v1.binpb"), descriptors.encode_to_vec())?;
    fs::write(out.join("rpc.rs"), rpc_enum(&descriptors)?)?;
    fs::write(out.join("bodies.rs"), bodies(&descriptors)?)?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}

/// Makes a content of each message that a content can hold.
fn bodies(descriptors: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let pool = DescriptorPool::from_file_descriptor_set(descriptors.clone())?;
    let content = pool.get_message_by_name("schleuse.v1.Content").ok_or("no Content")?;
    let mut text = String::new();
    for field in content.fields().filter(|field| field.containing_oneof().is_some()) {
        let kind = field.kind();
        let name = kind.as_message().map(|message| message.name()).ok_or("not a message")?;
        let variant = field.name().split('_').map(|part| part[..1].to_uppercase() + &part[1..]);
        let variant = variant.collect::<String>();
        writeln!(text, "impl From<crate::v1::{name}> for crate::v1::content::Content {{")?;
        writeln!(text, "    fn from(body: crate::v1::{name}) -> Self {{")?;
        writeln!(text, "        Self::{variant}(body)\n    }}\n}}")?;
    }
    Ok(text)
}

fn rpc_enum(descriptors: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let mut calls: Vec<(String, String)> = Vec::new();
    for file in &descriptors.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                calls.push((method.name().to_owned(), path));
            }
        }
    }
    for path in FOREIGN_CALLS {
        let variant = path
            .split(['/', '.'])
            .filter(|part| *part != "grpc" && !part.is_empty())
            .map(|part| part[..1].to_uppercase() + &part[1..])
            .collect::<String>();
        calls.push((variant, (*path).to_owned()));
    }
    let mut text = String::from("/// Every call that the broker serves.\n");
    text += "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]\npub enum Rpc {\n";
    for (variant, path) in &calls {
        writeln!(text, "    /// `{path}`\n    {variant},")?;
    }
    text += "}\n\nimpl Rpc {\n    /// All calls.\n    pub const ALL: &'static [Self] = &[\n";
    for (variant, _) in &calls {
        writeln!(text, "        Self::{variant},")?;
    }
    text += "    ];\n\n    /// Path of the call in HTTP/2.\n    #[must_use]\n";
    text += "    pub fn path(self) -> &'static str {\n        match self {\n";
    for (variant, path) in &calls {
        writeln!(text, "            Self::{variant} => \"{path}\",")?;
    }
    text +=
        "        }\n    }\n\n    /// The call with this path, if there is one.\n    #[must_use]\n";
    text += "    pub fn from_path(path: &str) -> Option<Self> {\n        match path {\n";
    for (variant, path) in &calls {
        writeln!(text, "            \"{path}\" => Some(Self::{variant}),")?;
    }
    text += "            _ => None,\n        }\n    }\n}\n";
    Ok(text)
}
