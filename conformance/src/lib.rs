//! Black-box tests of the whole product; they grow with its endpoints.
