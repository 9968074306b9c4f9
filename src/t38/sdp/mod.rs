//! Offers and answers for fax (RFC 4566, RFC 3264, ITU-T T.38 Annex D).
