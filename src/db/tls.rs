//! TLS to PostgreSQL, by the words of its connection URL.
//! [libpq §34.19](https://www.postgresql.org/docs/current/libpq-ssl.html)
//!
//! Invariant: with `verify-full`, or whenever `sslrootcert` is given, no byte of a session is sent to a server whose
//! certificate was not verified for its name.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres::{Config, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::DbError;

/// What the URL asks for: where to connect, and how to speak TLS there.
///
/// # Errors
/// A sentence without the URL in it, as that may hold a password.
pub fn parse(url: &str) -> Result<(Config, MakeRustlsConnect), DbError> {
    let wishes = Wishes::parse(url)?;
    let mut config: Config = wishes
        .url
        .parse()
        .map_err(|e| DbError::Failed(format!("the database URL is not valid: {e}")))?;
    if wishes.verify_full {
        config.ssl_mode(SslMode::Require);
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| DbError::Failed(e.to_string()))?;
    let tls = if wishes.verify_full || wishes.root_file.is_some() {
        builder
            .with_root_certificates(roots(wishes.root_file.as_deref())?)
            .with_no_client_auth()
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
            .with_no_client_auth()
    };
    Ok((config, MakeRustlsConnect::new(tls)))
}

/// The URL without the words that the driver does not know, and those words.
struct Wishes {
    url: String,
    verify_full: bool,
    root_file: Option<String>,
}

impl Wishes {
    fn parse(url: &str) -> Result<Self, DbError> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut verify_full, mut root_file, mut rest) = (false, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslrootcert", file)) => {
                    // A plus sign in a path is a plus sign.
                    let encoded = format!("f={}", file.replace('+', "%2B"));
                    root_file = url::form_urlencoded::parse(encoded.as_bytes())
                        .next()
                        .map(|(_, v)| v.into_owned());
                }
                Some(("sslmode", "verify-full")) => verify_full = true,
                Some(("sslmode", "disable" | "prefer" | "require")) => rest.push(pair),
                Some(("sslmode", _)) => {
                    return Err(DbError::Failed(
                        "sslmode in the database URL must be disable, prefer, require or verify-full"
                            .to_owned(),
                    ));
                }
                _ => rest.push(pair),
            }
        }
        let url = if rest.is_empty() {
            address.to_owned()
        } else {
            format!("{address}?{}", rest.join("&"))
        };
        Ok(Self {
            url,
            verify_full,
            root_file,
        })
    }
}

fn roots(file: Option<&str>) -> Result<RootCertStore, DbError> {
    let Some(file) = file else {
        return Ok(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        });
    };
    let refuse = |why: String| DbError::Failed(format!("sslrootcert {file}: {why}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| refuse(e.to_string()))? {
        let certificate = certificate.map_err(|e| refuse(e.to_string()))?;
        roots.add(certificate).map_err(|e| refuse(e.to_string()))?;
    }
    if roots.is_empty() {
        Err(refuse("no certificate in it".to_owned()))
    } else {
        Ok(roots)
    }
}

/// `prefer` and `require` promise secrecy against listeners only, as everywhere with PostgreSQL: the certificate of a
/// default installation is self-signed. The server must still prove that it holds the certificate's key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
