//! English.

use super::{Around, ConsentTexts, DemoTexts, ErrorTexts, FormPostTexts, LoginTexts, Messages};

impl Messages {
    /// English.
    pub const ENGLISH: Self = Self {
        lang: "en",
        dir: "ltr",
        login: LOGIN,
        consent: CONSENT,
        scopes: SCOPES,
        error: ErrorTexts {
            title: "This didn’t work",
            advice: "Go back to the application you came from and start again. If it happens again, give its \
                     operator the details below.",
            code: "Error code",
            request: "Request ID",
        },
        form_post: FormPostTexts {
            title: "Taking you back",
            explanation: "You are on your way back to the application. If nothing happens, press Continue.",
            submit: "Continue",
        },
        demo: DEMO,
    };
}

const LOGIN: LoginTexts = LoginTexts {
    title: "Sign in",
    problem_title: "Error:",
    to_client: Around { before: "to continue to ", after: "" },
    username: "User name",
    password: "Password",
    submit: "Sign in",
    wrong_credentials: "This user name and password don’t match. Check both and try again.",
    busy: "Many people are signing in right now. Please wait a moment, then try again.",
    no_account: "No account yet?",
    sign_up: "Create one",
};

const CONSENT: ConsentTexts = ConsentTexts {
    title: Around { before: "Allow ", after: " to use your account?" },
    signed_in_as: Around { before: "You are signed in as ", after: "." },
    allows: "It will be able to:",
    required: "(always needed)",
    sent_to: Around {
        before: "Your answer goes to ",
        after: ". Allow this only if you know this address and started from there.",
    },
    approve: "Allow",
    deny: "Don’t allow",
};

const SCOPES: &[(&str, &str)] = &[
    ("openid", "Know that you are you"),
    ("profile", "See your name and other profile details"),
    ("email", "See your e-mail address"),
    ("address", "See your postal address"),
    ("phone", "See your phone number"),
    ("offline_access", "Keep this access while you are away, until you take it back"),
];

const DEMO: DemoTexts = DemoTexts {
    title: "Try a sign-in",
    welcome: "This page is a small application that lets people sign in with this server.",
    steps: &[
        "The button sends you to the server’s sign-in page.",
        "You sign in there; this application never sees your password.",
        "You come back with a code, which the application exchanges for tokens.",
        "You see what it received and what it verified.",
    ],
    sign_in: "Sign in",
    machine: "Or get a token for a program",
    signed_in: "You are signed in",
    what_happened: "You came back with a single-use code. The application exchanged it for tokens, verified them and \
                    asked the server about you. This is what it knows now.",
    checks: "What the application verified",
    id_token: "ID token",
    id_token_note: "Says who signed in, when and how. It is meant for the application itself.",
    userinfo: "User information",
    userinfo_note: "What /userinfo answered to the access token.",
    access_token: "Access token",
    access_token_note: "The application sends it to APIs, which verify it with the server’s public keys. Whoever has \
                        it can use it until it expires.",
    access_token_claims: "What is inside",
    problem: "The sign-in didn’t succeed",
    again: "Start again",
};
