//! A certificate authority for SPIFFE identities, and the odd certificates that only a test would issue.
//!
//! Leaves look like Istio's: ECDSA P-256, an empty subject, the SPIFFE id as the only URI SAN, good for
//! servers and clients. Nothing is checked on the way in, so that a test can issue what a broken CA would.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority that lives as long as a mesh.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate, its chain being the certificate alone, and its private key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: KeyPair,
}

/// Where an [`Identity`] lies on disk, in PEM.
#[derive(Debug, Clone)]
pub struct IdentityFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Authority {
    /// A new authority; `name` is only for people who read its certificate.
    ///
    /// # Panics
    ///
    /// When the crypto provider cannot make a key, which has no cause a caller could mend.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, new_key()).expect("a certificate of an authority");
        Self { issuer }
    }

    /// The authority's certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's certificate in DER.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        self.issuer.der()
    }

    /// A leaf whose URI SANs are exactly `uris`, in that order: one for a SPIFFE identity, none or several for
    /// a peer that the filter must not take for one. Any ASCII is accepted, control characters too.
    ///
    /// # Panics
    ///
    /// When a URI is not ASCII: the field of the certificate cannot hold it.
    #[must_use]
    pub fn issue(&self, uris: &[&str]) -> Identity {
        let uri = |uri: &&str| SanType::URI(Ia5String::try_from(*uri).expect("a URI SAN is ASCII"));
        self.issue_for(uris.iter().map(uri).collect())
    }

    /// A leaf of a server that is known by this host name: outside of the mesh, or its control plane.
    ///
    /// # Panics
    ///
    /// When the name is not ASCII.
    #[must_use]
    pub fn issue_server(&self, name: &str) -> Identity {
        self.issue_for(vec![SanType::DnsName(Ia5String::try_from(name).expect("a host name is ASCII"))])
    }

    fn issue_for(&self, names: Vec<SanType>) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = new_key();
        let certificate = params.signed_by(&key, &self.issuer).expect("a leaf certificate");
        Identity { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key }
    }
}

impl Identity {
    /// The certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The private key in DER.
    #[must_use]
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    /// Writes `cert.pem` and `key.pem` into `directory`.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written to.
    pub fn write(&self, directory: &Path) -> io::Result<IdentityFiles> {
        let files = IdentityFiles { certificate: directory.join("cert.pem"), key: directory.join("key.pem") };
        fs::write(&files.certificate, &self.certificate_pem)?;
        fs::write(&files.key, self.key.serialize_pem())?;
        Ok(files)
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a P-256 key")
}
