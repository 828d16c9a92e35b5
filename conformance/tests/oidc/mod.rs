//! The rules of the OpenID Foundation's conformance suite as tests of our own: one small test a module, named like
//! the module, over one relying party that checks every answer as the suite does. They use the user and the clients
//! that the suite is given, and run without it.

mod basic;
mod checks;
mod config;
mod form_post;
mod logout;
mod relying_party;
mod rules;

use conformance::plans;

/// A module that is in a plan but not here would be missed.
#[test]
fn every_module_of_the_plans_has_a_test() {
    let (basic, logout, config) =
        (include_str!("rules.rs"), include_str!("logout.rs"), include_str!("config.rs"));
    for plan in plans::all() {
        let source = match plan.name {
            "logout" => logout,
            "config" => config,
            _ => basic,
        };
        for module in &plan.modules {
            let function = format!("fn {}(", module.replace('-', "_"));
            assert!(source.contains(&function), "{}: no {function}", plan.profile);
        }
    }
}
