//! What kinds of keys there are, and what each is for.

use super::refusal::Refusal;

/// A key spec. KMS has more; the double has what Keyward could use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spec {
    SymmetricDefault,
    Rsa2048,
    Rsa3072,
    Rsa4096,
    EccNistP256,
    EccNistEdwards25519,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    EncryptDecrypt,
    SignVerify,
}

const SPECS: [(&str, Spec); 6] = [
    ("SYMMETRIC_DEFAULT", Spec::SymmetricDefault),
    ("RSA_2048", Spec::Rsa2048),
    ("RSA_3072", Spec::Rsa3072),
    ("RSA_4096", Spec::Rsa4096),
    ("ECC_NIST_P256", Spec::EccNistP256),
    ("ECC_NIST_EDWARDS25519", Spec::EccNistEdwards25519),
];

const USAGES: [(&str, Usage); 2] =
    [("ENCRYPT_DECRYPT", Usage::EncryptDecrypt), ("SIGN_VERIFY", Usage::SignVerify)];

impl Spec {
    /// Reads the value of the parameter with this name.
    pub(crate) fn read(value: &str, parameter: &str) -> Result<Self, Refusal> {
        one_of(&SPECS, value, parameter)
    }

    pub(crate) fn name(self) -> &'static str {
        name_of(&SPECS, self)
    }

    pub(crate) fn allows(self, usage: Usage) -> bool {
        match self {
            Self::SymmetricDefault => usage == Usage::EncryptDecrypt,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => true,
            Self::EccNistP256 | Self::EccNistEdwards25519 => usage == Usage::SignVerify,
        }
    }

    pub(crate) fn signing_algorithms(self) -> &'static [&'static str] {
        match self {
            Self::SymmetricDefault => &[],
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &[
                "RSASSA_PKCS1_V1_5_SHA_256",
                "RSASSA_PKCS1_V1_5_SHA_384",
                "RSASSA_PKCS1_V1_5_SHA_512",
                "RSASSA_PSS_SHA_256",
                "RSASSA_PSS_SHA_384",
                "RSASSA_PSS_SHA_512",
            ],
            Self::EccNistP256 => &["ECDSA_SHA_256"],
            Self::EccNistEdwards25519 => &["ED25519_SHA_512", "ED25519_PH_SHA_512"],
        }
    }

    pub(crate) fn encryption_algorithms(self) -> &'static [&'static str] {
        match self {
            Self::SymmetricDefault => &["SYMMETRIC_DEFAULT"],
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"],
            Self::EccNistP256 | Self::EccNistEdwards25519 => &[],
        }
    }
}

impl Usage {
    /// Reads the value of the parameter `KeyUsage`.
    pub(crate) fn read(value: &str) -> Result<Self, Refusal> {
        one_of(&USAGES, value, "keyUsage")
    }

    pub(crate) fn name(self) -> &'static str {
        name_of(&USAGES, self)
    }
}

/// What KMS answers to a value that its API doesn't know.
pub(crate) fn unknown_value(value: &str, parameter: &str, known: &[&str]) -> Refusal {
    Refusal::invalid(format!(
        "1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy constraint: Member must \
         satisfy enum value set: [{}]",
        known.join(", ")
    ))
}

fn one_of<T: Copy>(known: &[(&'static str, T)], value: &str, parameter: &str) -> Result<T, Refusal> {
    let found = known.iter().find(|(name, _)| *name == value);
    let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    found.map(|(_, item)| *item).ok_or_else(|| unknown_value(value, parameter, &names()))
}

fn name_of<T: PartialEq>(known: &[(&'static str, T)], item: T) -> &'static str {
    known.iter().find(|(_, known)| *known == item).map_or("", |(name, _)| name)
}
