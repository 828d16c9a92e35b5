//! DER (X.690), as far as keys and signatures of KMS need it.

use protocol::base64url;
use protocol::jwk::{Algorithm, KeyMaterial};

/// The tags of the values we read.
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// `rsaEncryption` with its NULL parameters (RFC 3279 §2.3.1).
const RSA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0];
/// `id-ecPublicKey` on `secp256r1` (RFC 5480 §2.1.1).
const P256: &[u8] =
    &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
/// `id-Ed25519` (RFC 8410 §3).
const ED25519: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x70];

/// The public numbers in a `SubjectPublicKeyInfo` (RFC 5280 §4.1); `None` if it isn't a key of this algorithm.
pub(crate) fn public_material(alg: Algorithm, info: &[u8]) -> Option<KeyMaterial> {
    let (info, []) = value(info, SEQUENCE)? else { return None };
    let (kind, rest) = value(info, SEQUENCE)?;
    let (bits, []) = value(rest, BIT_STRING)? else { return None };
    // No unused bits.
    let key = bits.strip_prefix(&[0])?;
    match alg {
        Algorithm::RS256 | Algorithm::PS256 if kind == RSA => rsa_material(key),
        Algorithm::ES256 if kind == P256 => ec_material(key),
        Algorithm::EdDSA if kind == ED25519 && key.len() == 32 => {
            Some(KeyMaterial::Okp { crv: "Ed25519".to_owned(), x: base64url::encode(key) })
        }
        _ => None,
    }
}

/// Of an uncompressed point (SEC 1 §2.3.3).
pub(crate) fn ec_material(point: &[u8]) -> Option<KeyMaterial> {
    let numbers = point.strip_prefix(&[4])?;
    let (x, y) = numbers.split_at_checked(32)?;
    (y.len() == 32).then(|| KeyMaterial::Ec {
        crv: "P-256".to_owned(),
        x: base64url::encode(x),
        y: base64url::encode(y),
    })
}

/// Of an `RSAPublicKey` (RFC 8017 A.1.1): a sequence of two integers.
pub(crate) fn rsa_material(der: &[u8]) -> Option<KeyMaterial> {
    let (sequence, []) = value(der, SEQUENCE)? else { return None };
    let (n, rest) = value(sequence, INTEGER)?;
    let (e, []) = value(rest, INTEGER)? else { return None };
    // RFC 7518 §6.3.1.1: without the zero that keeps a DER integer positive.
    let number = |bytes: &[u8]| base64url::encode(bytes.strip_prefix(&[0]).unwrap_or(bytes));
    Some(KeyMaterial::Rsa { n: number(n), e: number(e) })
}

/// r‖s of 32 bytes each (RFC 7518 §3.4), from an `Ecdsa-Sig-Value` (RFC 3279 §2.2.3). `None` if it is not one of P-256.
pub(crate) fn fixed_signature(der: &[u8]) -> Option<[u8; 64]> {
    let (sequence, []) = value(der, SEQUENCE)? else { return None };
    let (r, rest) = value(sequence, INTEGER)?;
    let (s, []) = value(rest, INTEGER)? else { return None };
    let mut fixed = [0; 64];
    let (left, right) = fixed.split_at_mut(32);
    positive(r, left)?;
    positive(s, right)?;
    Some(fixed)
}

/// Writes a positive integer at the end of `to`.
fn positive(integer: &[u8], to: &mut [u8]) -> Option<()> {
    let digits = match integer {
        // X.690 §8.3.2: a zero only where the number would be negative without it.
        [0, rest @ ..] if rest.first().is_some_and(|high| high & 0x80 != 0) => rest,
        [0x01..=0x7f, ..] => integer,
        _ => return None,
    };
    let start = to.len().checked_sub(digits.len())?;
    to.get_mut(start..)?.copy_from_slice(digits);
    Some(())
}

/// A value of the given tag, and what follows it. Lengths up to 65535.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, EcdsaKeyPair, KeyPair as _,
        UnparsedPublicKey,
    };
    use proptest::prelude::*;

    /// An INTEGER, written down a second time.
    fn integer(number: &[u8; 32]) -> Vec<u8> {
        let digits: Vec<u8> = number.iter().copied().skip_while(|digit| *digit == 0).collect();
        let sign = if digits.first().is_none_or(|high| *high > 0x7f) { vec![0] } else { vec![] };
        let content = [sign, digits].concat();
        [vec![2, content.len() as u8], content].concat()
    }

    fn signature(r: &[u8; 32], s: &[u8; 32]) -> Vec<u8> {
        let content = [integer(r), integer(s)].concat();
        [vec![0x30, content.len() as u8], content].concat()
    }

    /// A number with so many zeros before its first digit.
    fn padded(zeros: usize, digits: [u8; 32]) -> [u8; 32] {
        let mut number = digits;
        number[..zeros].fill(0);
        number[31] |= 1;
        number
    }

    proptest! {
        #[test]
        fn numbers_of_any_length_get_their_zeros_back(
            r: [u8; 32], s: [u8; 32], left in 0usize..32, right in 0usize..32
        ) {
            let (r, s) = (padded(left, r), padded(right, s));
            prop_assert_eq!(fixed_signature(&signature(&r, &s)).map(Vec::from), Some([r, s].concat()));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = fixed_signature(&bytes);
            for alg in Algorithm::ALL {
                let _ = public_material(alg, &bytes);
            }
        }
    }

    #[test]
    fn what_is_no_signature_of_p256_is_refused() {
        let good = signature(&[7; 32], &[0x87; 32]);
        assert!(fixed_signature(&good).is_some());
        let negative = [&[0x30, 68, 2, 32], [0x87; 32].as_slice(), &[2, 32], &[7; 32]].concat();
        let long = [&[0x30, 70, 2, 33], [7; 33].as_slice(), &[2, 33], &[7; 33]].concat();
        let needless = vec![0x30, 7, 2, 2, 0, 7, 2, 1, 7];
        let zero = vec![0x30, 6, 2, 1, 0, 2, 1, 7];
        for bad in [
            &good[..good.len() - 1],
            &[good.as_slice(), &[0]].concat(),
            &negative,
            &long,
            &needless,
            &zero,
            &[],
        ] {
            assert_eq!(fixed_signature(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn real_signatures_verify_after_the_change() {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
        let mut lengths = std::collections::BTreeSet::new();
        for round in 0..2000_u32 {
            let message = round.to_be_bytes();
            let der = pair.sign(&random, &message).unwrap();
            lengths.insert(der.as_ref().len());
            public.verify(&message, &fixed_signature(der.as_ref()).unwrap()).unwrap();
        }
        assert!(lengths.len() > 2, "some had shorter numbers: {lengths:?}");
    }
}
