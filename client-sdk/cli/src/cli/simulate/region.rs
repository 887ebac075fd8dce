//! Who takes part in a simulated region, and what they have to tell each other.

use std::path::Path;

use schleuse_client::{Client, ClientBuilder, ClientError, SealingKeys};

/// A benefit agency of the region and the function there that takes part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    pub(crate) agency: &'static str,
    pub(crate) function: &'static str,
    pub(crate) display_name: &'static str,
}

const fn body(agency: &'static str, function: &'static str, display_name: &'static str) -> Body {
    Body { agency, function, display_name }
}

/// Places of the two Jobcenter: 30 in the city, 15 in the district.
pub(crate) const PLACES: [(usize, u32); 2] = [(0, 30), (1, 15)];

/// The ten agencies, the two Jobcenter first.
pub(crate) const BODIES: [Body; 10] = [
    body("jobcenter-stadt-regensburg", "fallmanagement", "Jobcenter Stadt Regensburg"),
    body("jobcenter-landkreis-regensburg", "fallmanagement", "Jobcenter Landkreis Regensburg"),
    body("agentur-fuer-arbeit-regensburg", "reha-team", "Agentur für Arbeit"),
    body("drv-bayern-sued", "reha-beratung", "Deutsche Rentenversicherung Bayern Süd"),
    body("krankenkasse-nord", "krankengeld", "Krankenkasse Nord"),
    body("krankenkasse-sued", "krankengeld", "Krankenkasse Süd"),
    body("bezirk-oberpfalz", "eingliederungshilfe", "Bezirk Oberpfalz"),
    body("sozialhilfe-regensburg", "grundsicherung", "Sozialhilfe Regensburg"),
    body("jugendamt-regensburg", "hilfen", "Jugendamt Regensburg"),
    body("gesundheitsamt-regensburg", "beratung", "Gesundheitsamt Regensburg"),
];

/// Agency of the Lotsen.
pub(crate) const LOTSENSTELLE: &str = "lotsenstelle";

/// What a Jobcenter and another body may have to do with each other about a participant: a purpose, its
/// categories, and of how many participants in a hundred.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// Index in [`BODIES`].
    pub(crate) body: usize,
    pub(crate) purpose: &'static str,
    pub(crate) categories: &'static [&'static str],
    pub(crate) percent: u8,
}

const fn need(
    body: usize,
    purpose: &'static str,
    categories: &'static [&'static str],
    percent: u8,
) -> Need {
    Need { body, purpose, categories, percent }
}

/// Needs of the region.
pub(crate) const NEEDS: [Need; 14] = [
    need(3, "fallkonferenz", &["termine", "leistungsbezug"], 80),
    need(3, "reha-einleitung", &["gesundheit", "termine"], 60),
    need(3, "zustaendigkeit", &["leistungsbezug"], 70),
    need(2, "unterlagen", &["gesundheit"], 50),
    need(4, "fallkonferenz", &["termine", "leistungsbezug"], 40),
    need(4, "unterlagen", &["gesundheit"], 30),
    need(5, "fallkonferenz", &["termine", "leistungsbezug"], 30),
    need(6, "fallkonferenz", &["termine", "leistungsbezug"], 50),
    need(6, "hilfeplanung", &["hilfeplan", "termine"], 45),
    need(7, "zustaendigkeit", &["leistungsbezug"], 60),
    need(7, "leistungsklaerung", &["leistungsbezug", "wohnen"], 40),
    need(8, "hilfeplanung", &["hilfeplan", "familie"], 15),
    need(9, "unterlagen", &["gesundheit"], 20),
    need(9, "nachbetreuung", &["termine"], 25),
];

/// Everybody of the region, connected.
pub(crate) struct Region {
    pub(crate) lotse: Client,
    /// In the order of [`BODIES`].
    pub(crate) bodies: Vec<Client>,
}

impl Region {
    /// Connects everybody with the keys of a development tree.
    ///
    /// # Errors
    /// A key is missing, or the broker cannot be reached.
    pub(crate) async fn connect(
        builder: impl Fn() -> ClientBuilder,
        pki: &Path,
    ) -> Result<Self, ClientError> {
        let leaf = |agency: &str, name: &str| pki.join("agencies").join(agency).join(name);
        let lotse = leaf(LOTSENSTELLE, "lotse-l-01");
        let lotse = builder()
            .certificate(lotse.with_extension("pem"))
            .key(lotse.with_extension("key"))
            .connect()
            .await?;
        let mut bodies = Vec::new();
        for body in BODIES {
            let system = leaf(body.agency, "system");
            if !system.with_extension("pem").exists() {
                return Err(ClientError::Argument {
                    what: "pki",
                    expected: format!(
                        "keys of a region with {}: schleuse-certs-dev generate --region",
                        body.agency
                    ),
                });
            }
            let keys = SealingKeys::load(&leaf(body.agency, "sealing.toml"))?;
            let client = builder()
                .certificate(system.with_extension("pem"))
                .key(system.with_extension("key"))
                .sealing_keys(keys)
                .connect()
                .await?;
            bodies.push(client);
        }
        Ok(Self { lotse, bodies })
    }
}
