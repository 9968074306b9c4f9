//! S/MIME: a mail that only its department can read.
//!
//! Standards: RFC 8551 (S/MIME 4.0), RFC 5652 (CMS, `EnvelopedData`), RFC 3370 (RSA key transport), RFC 3565
//! (AES in CMS), RFC 5280 (certificates). The content is encrypted with AES-256-CBC and the key, for each
//! certificate, with RSA (PKCS #1 v1.5): what Outlook and Thunderbird read without settings. Elliptic keys
//! would need key agreement, which the CMS writer here does not have: [`read`] refuses them.
//!
//! Two encryptions of one letter differ (fresh key and IV each time); its Message-ID stays.

use cms::builder::{
    ContentEncryptionAlgorithm, EnvelopedDataBuilder, RecipientInfoBuilder, RecipientInfoType,
};
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::enveloped_data::{EncryptedKey, KeyTransRecipientInfo, RecipientIdentifier, RecipientInfo};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Encrypt, RsaPublicKey};
use x509_cert::Certificate as X509;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::referenced::OwnedToRef;
use x509_cert::der::{Decode, DecodePem, Encode};
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::fax::{Certificate, Disposition, Fault, Millis};

/// Shorter keys are broken in practice (NIST SP 800-131A: 2048 bits at least).
const LEAST_BITS: usize = 2048;
/// Longer ones are no certificate's: they would only cost time.
const MOST_BITS: usize = 16_384;

/// `id-envelopedData` (RFC 5652 §6.1).
const ENVELOPED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
/// `rsaEncryption` (RFC 3370 §4.2.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Why a file is no certificate that mails can be encrypted for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateProblem {
    /// Neither PEM nor DER, or not a certificate.
    #[error("there is no X.509 certificate in it ({0})")]
    Unreadable(String),
    /// A private key lies there instead, or beside it.
    #[error("it holds a private key, which does not belong on the gateway")]
    PrivateKey,
    /// Not an RSA key.
    #[error("its key is not RSA: mails can be encrypted for RSA keys alone")]
    NotRsa,
    /// Too short to protect anything, or absurdly long.
    #[error("its RSA key has {0} bits; {LEAST_BITS} to {MOST_BITS} are accepted")]
    Bits(usize),
    /// Its owner may not be written to with it (RFC 5280 §4.2.1.3).
    #[error("it is not meant for encryption: its key usage lacks keyEncipherment")]
    Usage,
}

/// Reads a certificate from a PEM file (its first certificate) or a DER file.
///
/// # Errors
/// See [`CertificateProblem`].
pub fn read(file: &[u8]) -> Result<Certificate, CertificateProblem> {
    let text = std::str::from_utf8(file).ok().filter(|text| text.contains("-----BEGIN"));
    if text.is_some_and(|text| text.contains("PRIVATE KEY-----")) {
        return Err(CertificateProblem::PrivateKey);
    }
    let unreadable = |error: x509_cert::der::Error| CertificateProblem::Unreadable(error.to_string());
    let found = match text.and_then(first_block) {
        Some(block) => X509::from_pem(block),
        None => X509::from_der(file),
    };
    let found = found.map_err(unreadable)?;
    key_of(&found)?;
    let usage = found.tbs_certificate.get::<KeyUsage>().map_err(unreadable)?;
    if usage.is_some_and(|(_, usage)| !usage.0.contains(KeyUsages::KeyEncipherment)) {
        return Err(CertificateProblem::Usage);
    }
    let ends = found.tbs_certificate.validity.not_after.to_unix_duration();
    Ok(Certificate {
        subject: crate::fax::one_line(&found.tbs_certificate.subject.to_string(), 200),
        expires_at: Millis::try_from(ends.as_millis()).unwrap_or(Millis::MAX),
        der: found.to_der().map_err(unreadable)?,
    })
}

/// The first certificate of a PEM file, which may begin with words (RFC 7468 §5.2) and go on with others.
fn first_block(text: &str) -> Option<&str> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let from = text.find(BEGIN)?;
    let to = text[from..].find(END)? + from + END.len();
    text.get(from..to)
}

fn key_of(certificate: &X509) -> Result<RsaPublicKey, CertificateProblem> {
    let info = &certificate.tbs_certificate.subject_public_key_info;
    if info.algorithm.oid != RSA {
        return Err(CertificateProblem::NotRsa);
    }
    let bits = |key: &RsaPublicKey| key.n().bits();
    let key = RsaPublicKey::try_from(info.owned_to_ref())
        .map_err(|error| CertificateProblem::Unreadable(error.to_string()))?;
    match bits(&key) {
        LEAST_BITS..=MOST_BITS => Ok(key),
        other => Err(CertificateProblem::Bits(other)),
    }
}

/// A MIME entity, encrypted for all of these: a CMS `ContentInfo`, DER.
///
/// # Errors
/// `deliver.smime` where a certificate cannot be used or the writer fails; nothing may then be sent in the
/// clear.
pub fn sealed(entity: &[u8], certificates: &[Certificate]) -> Result<Vec<u8>, Fault> {
    let failed = |detail: String| {
        let sentence = "The mail could not be encrypted and was not sent in the clear. Check the department's \
                        `certificate`; faxgate check names what is wrong with it.";
        Fault::new("deliver.smime", Disposition::Retry, sentence).with_detail(detail)
    };
    let mut random = OsRng;
    let algorithm = ContentEncryptionAlgorithm::Aes256Cbc;
    let mut builder = EnvelopedDataBuilder::new(None, entity, algorithm, None)
        .map_err(|error| failed(error.to_string()))?;
    for certificate in certificates {
        let found = X509::from_der(&certificate.der).map_err(|error| failed(error.to_string()))?;
        let key = key_of(&found).map_err(|error| failed(error.to_string()))?;
        let owner = IssuerAndSerialNumber {
            issuer: found.tbs_certificate.issuer.clone(),
            serial_number: found.tbs_certificate.serial_number.clone(),
        };
        builder.add_recipient_info(KeyTransport { owner, key }).map_err(|error| failed(error.to_string()))?;
    }
    if certificates.is_empty() {
        return Err(failed("no certificate".to_owned()));
    }
    let data = builder.build_with_rng(&mut random).map_err(|error| failed(error.to_string()))?;
    let content = Any::encode_from(&data).map_err(|error| failed(error.to_string()))?;
    let info = ContentInfo { content_type: ENVELOPED_DATA, content };
    info.to_der().map_err(|error| failed(error.to_string()))
}

/// The content key, encrypted for one certificate. The crate's own builder leaves the algorithm's
/// parameters out, where RFC 3370 §4.2.1 demands NULL.
struct KeyTransport {
    owner: IssuerAndSerialNumber,
    key: RsaPublicKey,
}

impl RecipientInfoBuilder for KeyTransport {
    fn recipient_info_type(&self) -> RecipientInfoType {
        RecipientInfoType::Ktri
    }

    fn recipient_info_version(&self) -> CmsVersion {
        CmsVersion::V0
    }

    fn build(&mut self, content_key: &[u8]) -> Result<RecipientInfo, cms::builder::Error> {
        let locked = self
            .key
            .encrypt(&mut OsRng, Pkcs1v15Encrypt, content_key)
            .map_err(|error| cms::builder::Error::Builder(error.to_string()))?;
        Ok(RecipientInfo::Ktri(KeyTransRecipientInfo {
            version: CmsVersion::V0,
            rid: RecipientIdentifier::IssuerAndSerialNumber(self.owner.clone()),
            key_enc_alg: AlgorithmIdentifierOwned { oid: RSA, parameters: Some(Any::null()) },
            enc_key: EncryptedKey::new(locked)?,
        }))
    }
}
