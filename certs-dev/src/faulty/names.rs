//! Names: what stands in the subject alternative name, and whether the issuer may speak for it.
//!
//! webpki does not look at names of clients, so nearly all of these are for the identity parser.

use rcgen::DnType;

use super::Verdict::{RefusedByIdentity, RefusedByTls};
use super::desk::{HOME, HOME_PATH, OTHER, URI, alternative_names};
use super::{Kind, row};

/// Context tags of the other kinds of GeneralName.
const OTHER_NAME: u8 = 0xa0;
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const DIRECTORY_NAME: u8 = 0xa4;
const IP_ADDRESS: u8 = 0x87;
const REGISTERED_ID: u8 = 0x88;

const HOST: &[u8] = b"drv-bayern-sued.schleuse.example";
const MAILBOX: &[u8] = b"system@drv-bayern-sued.example";
const LOOPBACK: &[u8] = &[127, 0, 0, 1];
/// otherName 2.999.1 with a UTF-8 string; a Name without parts; the identifier 2.999.1.
const OTHER_NAME_CONTENT: &[u8] = b"\x06\x03\x88\x37\x01\xa0\x05\x0c\x03drv";
const EMPTY_NAME: &[u8] = b"\x30\x00";
const REGISTERED: &[u8] = b"\x88\x37\x01";

pub(super) const KINDS: &[Kind] = &[
    // How many names, and of which kind.
    row("san-missing", RefusedByIdentity, "no alternative name", |d| {
        d.leaf(|params| params.subject_alt_names.clear())
    }),
    row("san-empty", RefusedByIdentity, "an empty list of alternative names", |d| d.names(&[])),
    row("san-two-uris", RefusedByIdentity, "two identities", |d| {
        let (one, two) = (d.id(HOME_PATH), d.id("/agency/drv-bayern-sued/dpo"));
        d.names(&[(URI, one.as_bytes()), (URI, two.as_bytes())])
    }),
    row("san-uri-twice", RefusedByIdentity, "the same identity twice", |d| {
        let uri = d.id(HOME_PATH);
        d.names(&[(URI, uri.as_bytes()), (URI, uri.as_bytes())])
    }),
    row("san-extension-twice", RefusedByTls, "two extensions of alternative names", |d| {
        let uri = d.id("/agency/drv-bayern-sued/dpo");
        let second = alternative_names(&[(URI, uri.as_bytes())]);
        d.leaf(|params| params.custom_extensions.push(second))
    }),
    row("san-uri-and-dns", RefusedByIdentity, "identity and DNS name", |d| {
        d.names(&[(URI, d.id(HOME_PATH).as_bytes()), (DNS, HOST)])
    }),
    row("san-dns-and-uri", RefusedByIdentity, "DNS name and identity", |d| {
        d.names(&[(DNS, HOST), (URI, d.id(HOME_PATH).as_bytes())])
    }),
    row("san-uri-and-email", RefusedByIdentity, "identity and mail address", |d| {
        d.names(&[(URI, d.id(HOME_PATH).as_bytes()), (EMAIL, MAILBOX)])
    }),
    row("san-uri-and-ip", RefusedByIdentity, "identity and IP address", |d| {
        d.names(&[(URI, d.id(HOME_PATH).as_bytes()), (IP_ADDRESS, LOOPBACK)])
    }),
    row("san-uri-and-other-name", RefusedByIdentity, "identity and otherName", |d| {
        d.names(&[(URI, d.id(HOME_PATH).as_bytes()), (OTHER_NAME, OTHER_NAME_CONTENT)])
    }),
    row("san-uri-and-directory-name", RefusedByIdentity, "identity and directoryName", |d| {
        d.names(&[(URI, d.id(HOME_PATH).as_bytes()), (DIRECTORY_NAME, EMPTY_NAME)])
    }),
    row("san-uri-and-registered-id", RefusedByIdentity, "identity and registeredID", |d| {
        d.names(&[(URI, d.id(HOME_PATH).as_bytes()), (REGISTERED_ID, REGISTERED)])
    }),
    row("san-uri-and-invalid-utf8", RefusedByIdentity, "a second URI that is not UTF-8", |d| {
        d.names(&[(URI, d.id(HOME_PATH).as_bytes()), (URI, b"spiffe://\xff")])
    }),
    row("san-dns-only", RefusedByIdentity, "only a DNS name", |d| d.names(&[(DNS, HOST)])),
    row("san-email-only", RefusedByIdentity, "only a mail address", |d| {
        d.names(&[(EMAIL, MAILBOX)])
    }),
    row("san-ip-only", RefusedByIdentity, "only an IP address", |d| {
        d.names(&[(IP_ADDRESS, LOOPBACK)])
    }),
    row("san-identity-as-dns", RefusedByIdentity, "the identity as a DNS name", |d| {
        d.names(&[(DNS, d.id(HOME_PATH).as_bytes())])
    }),
    row("common-name-only", RefusedByIdentity, "the identity as common name only", |d| {
        let uri = d.id(HOME_PATH);
        d.leaf(|params| {
            params.subject_alt_names.clear();
            params.distinguished_name.push(DnType::CommonName, uri);
        })
    }),
    // Scheme and trust domain.
    row("uri-empty", RefusedByIdentity, "an empty URI", |d| d.uri("")),
    row("uri-scheme-only", RefusedByIdentity, "nothing behind the scheme", |d| d.uri("spiffe://")),
    row("uri-scheme-upper-case", RefusedByIdentity, "the scheme in upper case", |d| {
        d.uri(&d.id(HOME_PATH).replace("spiffe", "SPIFFE"))
    }),
    row("uri-scheme-other", RefusedByIdentity, "https instead of spiffe", |d| {
        d.uri(&d.id(HOME_PATH).replace("spiffe", "https"))
    }),
    row("uri-scheme-one-slash", RefusedByIdentity, "one slash behind the scheme", |d| {
        d.uri(&d.id(HOME_PATH).replace("://", ":/"))
    }),
    row("uri-leading-space", RefusedByIdentity, "a space before the identity", |d| {
        d.uri(&format!(" {}", d.id(HOME_PATH)))
    }),
    row("domain-missing", RefusedByIdentity, "no trust domain", |d| {
        d.uri(&format!("spiffe://{HOME_PATH}"))
    }),
    row("domain-other", RefusedByIdentity, "another trust domain", |d| {
        d.uri(&format!("spiffe://other.example{HOME_PATH}"))
    }),
    row("domain-below", RefusedByIdentity, "a subdomain of the trust domain", |d| {
        d.uri(&format!("spiffe://a.{}{HOME_PATH}", d.domain()))
    }),
    row("domain-beginning-alike", RefusedByIdentity, "the trust domain and a label more", |d| {
        d.uri(&format!("spiffe://{}.evil{HOME_PATH}", d.domain()))
    }),
    row("domain-upper-case", RefusedByIdentity, "the trust domain in upper case", |d| {
        d.uri(&format!("spiffe://{}{HOME_PATH}", d.domain().to_ascii_uppercase()))
    }),
    row("domain-trailing-dot", RefusedByIdentity, "a dot behind the trust domain", |d| {
        d.uri(&format!("spiffe://{}.{HOME_PATH}", d.domain()))
    }),
    row("domain-double-dot", RefusedByIdentity, "an empty label in the trust domain", |d| {
        d.uri(&format!("spiffe://{}{HOME_PATH}", d.domain().replace('.', "..")))
    }),
    row("domain-ip", RefusedByIdentity, "an IP address as trust domain", |d| {
        d.uri(&format!("spiffe://127.0.0.1{HOME_PATH}"))
    }),
    row("uri-port", RefusedByIdentity, "a port", |d| {
        d.uri(&format!("spiffe://{}:443{HOME_PATH}", d.domain()))
    }),
    row("uri-userinfo", RefusedByIdentity, "a user", |d| {
        d.uri(&format!("spiffe://root@{}{HOME_PATH}", d.domain()))
    }),
    // Path.
    row("path-missing", RefusedByIdentity, "no path", |d| d.path("")),
    row("path-marker-missing", RefusedByIdentity, "the path does not begin with /agency", |d| {
        d.path("/drv-bayern-sued/system")
    }),
    row("path-marker-upper-case", RefusedByIdentity, "/Agency instead of /agency", |d| {
        d.path("/Agency/drv-bayern-sued/system")
    }),
    row("path-trailing-slash", RefusedByIdentity, "a slash at the end", |d| {
        d.path("/agency/drv-bayern-sued/system/")
    }),
    row("path-double-slash", RefusedByIdentity, "an empty segment", |d| {
        d.path("/agency//drv-bayern-sued/system")
    }),
    row("path-dot", RefusedByIdentity, "a dot segment", |d| {
        d.path("/agency/./drv-bayern-sued/system")
    }),
    row("path-dot-dot", RefusedByIdentity, "a way up and down again", |d| {
        d.path("/agency/jobcenter-stadt-regensburg/../drv-bayern-sued/system")
    }),
    row("path-extra-segment", RefusedByIdentity, "a segment behind the person", |d| {
        d.path("/agency/drv-bayern-sued/system/a/b")
    }),
    row("path-backslash", RefusedByIdentity, "backslashes", |d| {
        d.path("\\agency\\drv-bayern-sued\\system")
    }),
    row("uri-query", RefusedByIdentity, "a query", |d| {
        d.path("/agency/drv-bayern-sued/system?role=dpo")
    }),
    row("uri-fragment", RefusedByIdentity, "a fragment", |d| {
        d.path("/agency/drv-bayern-sued/system#dpo")
    }),
    row("uri-percent-encoded", RefusedByIdentity, "a percent-encoded hyphen", |d| {
        d.path("/agency/drv%2dbayern%2dsued/system")
    }),
    row("uri-percent-encoded-slash", RefusedByIdentity, "a percent-encoded slash", |d| {
        d.path("/agency/drv-bayern-sued%2fsystem")
    }),
    row("uri-nul", RefusedByIdentity, "a NUL in the agency", |d| {
        d.path("/agency/drv-bayern-sued\0/system")
    }),
    row("uri-nul-at-end", RefusedByIdentity, "a NUL behind the identity", |d| {
        d.path("/agency/drv-bayern-sued/system\0.evil")
    }),
    row("uri-line-feed", RefusedByIdentity, "a line feed behind the identity", |d| {
        d.path("/agency/drv-bayern-sued/system\n")
    }),
    row("uri-umlaut", RefusedByIdentity, "an umlaut in UTF-8", |d| {
        d.path("/agency/drv-bayern-s\u{fc}d/system")
    }),
    row("uri-latin1", RefusedByIdentity, "an umlaut in Latin-1", |d| {
        let uri = [d.id("/agency/drv-bayern-s").as_bytes(), b"\xfcd/system"].concat();
        d.names(&[(URI, &uri)])
    }),
    row("uri-homoglyph", RefusedByIdentity, "a Cyrillic letter that looks Latin", |d| {
        d.path("/agency/drv-b\u{430}yern-sued/system")
    }),
    row("uri-bidi", RefusedByIdentity, "a control character that turns the direction", |d| {
        d.path("/agency/drv-bayern-sued\u{202e}/system")
    }),
    // Agency, role, person.
    row("agency-upper-case", RefusedByIdentity, "the agency in upper case", |d| {
        d.path("/agency/DRV-Bayern-Sued/system")
    }),
    row("agency-leading-hyphen", RefusedByIdentity, "a hyphen before the agency", |d| {
        d.path("/agency/-drv-bayern-sued/system")
    }),
    row("agency-trailing-hyphen", RefusedByIdentity, "a hyphen behind the agency", |d| {
        d.path("/agency/drv-bayern-sued-/system")
    }),
    row("agency-underscore", RefusedByIdentity, "an underscore in the agency", |d| {
        d.path("/agency/drv_bayern_sued/system")
    }),
    row("agency-too-long", RefusedByIdentity, "an agency of 41 characters", |d| {
        d.path(&format!("/agency/{}/system", "a".repeat(41)))
    }),
    row("agency-punycode", RefusedByIdentity, "an internationalized name of the agency", |d| {
        d.path("/agency/xn--drv-bayern-sd-jsb/system")
    }),
    row("agency-empty", RefusedByIdentity, "no agency", |d| d.path("/agency//system")),
    row("role-unknown", RefusedByIdentity, "a role that does not exist", |d| {
        d.path("/agency/drv-bayern-sued/administrator")
    }),
    row("role-missing", RefusedByIdentity, "no role", |d| d.path("/agency/drv-bayern-sued")),
    row("role-upper-case", RefusedByIdentity, "the role in upper case", |d| {
        d.path("/agency/drv-bayern-sued/System")
    }),
    row("person-upper-case", RefusedByIdentity, "the person in upper case", |d| {
        d.path("/agency/drv-bayern-sued/dpo/D-01")
    }),
    row("person-too-long", RefusedByIdentity, "a person of 41 characters", |d| {
        d.path(&format!("/agency/drv-bayern-sued/dpo/{}", "d".repeat(41)))
    }),
    row("uri-too-long", RefusedByIdentity, "over 128 bytes, so the person is too long too", |d| {
        d.path(&format!("/agency/drv-bayern-sued/dpo/{}", "d".repeat(100)))
    }),
    // Whether the issuer may speak for the agency.
    row("issuer-of-home-for-other", RefusedByIdentity, "another agency by this issuer", |d| {
        d.claim(HOME, "/agency/jobcenter-stadt-regensburg/system")
    }),
    row("issuer-of-other-for-home", RefusedByIdentity, "this agency by another issuer", |d| {
        d.claim(OTHER, HOME_PATH)
    }),
    row("dpo-by-other-issuer", RefusedByIdentity, "another agency's DPO", |d| {
        d.claim(HOME, "/agency/projekt/dpo")
    }),
    row("lotse-by-other-issuer", RefusedByIdentity, "a Lotse by a benefit agency", |d| {
        d.claim(HOME, "/agency/lotsenstelle/lotse/l-01")
    }),
    row("operator-by-other-issuer", RefusedByIdentity, "the operator by a benefit agency", |d| {
        d.claim(HOME, "/agency/betrieb/operator")
    }),
    row("agency-by-operator-issuer", RefusedByIdentity, "an agency by the operator", |d| {
        d.claim("betrieb", HOME_PATH)
    }),
    row("agency-by-broker-issuer", RefusedByIdentity, "an agency by the broker's CA", |d| {
        d.claim("broker", HOME_PATH)
    }),
    row("agency-unknown", RefusedByIdentity, "an agency that no issuer may speak for", |d| {
        d.path("/agency/unbekannt/system")
    }),
];
