//! English.

use super::{
    AccountTexts, Around, ConsentTexts, DemoTexts, ErrorTexts, FormPostTexts, LoginTexts, LogoutTexts,
    Messages, ProblemTexts, ProfileTexts, SignUpTexts, WrongHostTexts,
};

impl Messages {
    /// English.
    pub const ENGLISH: Self = Self {
        lang: "en",
        dir: "ltr",
        login: LOGIN,
        signup: SIGN_UP,
        consent: CONSENT,
        logout: LOGOUT,
        account: ACCOUNT,
        problems: PROBLEMS,
        scopes: SCOPES,
        error: ErrorTexts {
            title: "This didn’t work",
            advice: "Go back to the application you came from and start again. If it happens again, give its \
                     operator the details below.",
            back_to: Around {
                before: "Go back to ",
                after: " and start again. If it happens again, give its operator the details below.",
            },
            code: "Error code",
            request: "Request ID",
        },
        wrong_host: WrongHostTexts {
            came: "Host of the request",
            ours: "Address of this server",
            remedies: &[
                "If you typed the address, open this server’s own address instead.",
                "If a proxy or a development server is in between, let it pass the Host header on unchanged: in nginx \
                 “proxy_set_header Host $http_host;”, in Vite and webpack “changeOrigin: false”.",
                "If browsers are to use the other address, set “issuer” (KEYWARD_ISSUER) to its URL and restart this \
                 server.",
            ],
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

const SIGN_UP: SignUpTexts = SignUpTexts {
    title: "Create an account",
    username_hint: "Letters, digits and punctuation, without spaces.",
    password_hint: "At least 8 characters. A few words in a row are easy to remember and hard to guess.",
    email: "E-mail address (optional)",
    submit: "Create account",
    has_account: "Already have an account?",
};

const LOGOUT: LogoutTexts = LogoutTexts {
    title: "Sign out?",
    explanation: "Applications you are signed in to may keep working until they check again.",
    submit: "Sign out",
    stay: "Stay signed in",
    done: "You are signed out",
    done_note: "You can close this page.",
    back_to: Around { before: "Or go back to ", after: "." },
};

const ACCOUNT: AccountTexts = AccountTexts {
    title: "Your account",
    profile: "Profile",
    profile_note: "Applications can see this if you allow it. Leave a field empty if you don’t want to share it.",
    fields: ProfileTexts {
        name: "Full name",
        given_name: "Given name",
        family_name: "Family name",
        nickname: "Nickname",
        birthdate: "Date of birth (YYYY-MM-DD)",
        phone_number: "Phone number",
        website: "Website",
        email: "E-mail address",
    },
    verified: "This address is confirmed as yours.",
    save: "Save",
    profile_saved: "Your profile has been saved.",
    password: "Password",
    password_note: "Changing your password signs you out everywhere else. Applications will ask you to sign in again.",
    current_password: "Current password",
    new_password: "New password",
    change_password: "Change password",
    password_changed: "Your password has been changed. You have been signed out everywhere else.",
    sessions: "Where you are signed in",
    sessions_note: "If you don’t recognize one of these, sign out there and change your password.",
    this_browser: "This browser",
    a_browser: "A browser",
    began: "since",
    signed_in: "password entered",
    end: "Sign out there",
    end_others: "Sign out everywhere else",
    sessions_ended: "Signed out.",
    apps: "Connected applications",
    apps_note: "These applications can use your account until you remove their access.",
    no_apps: "No applications can use your account.",
    since: "since",
    offline: "also while you are away",
    end_app: "Remove access",
    end_apps: "Remove all access",
    more_apps: "Show more applications",
    apps_ended: "Access removed. An application that needs it again will ask you.",
};

const PROBLEMS: ProblemTexts = ProblemTexts {
    username_taken: "This user name is taken, or looks like one that is. Choose another.",
    username_length: "A user name has 1 to 128 characters.",
    username_characters: "A user name can have only letters, digits and punctuation, and no spaces.",
    username_at_sign: "A user name can’t contain @. Enter your address in the e-mail field.",
    username_reserved: "This user name is reserved, or looks like one that is. Choose another.",
    username_mixed_scripts: "This user name mixes alphabets. Use letters of one alphabet; only Chinese, Japanese and \
                             Korean can be combined with Latin letters.",
    username_unusual: "This user name contains rarely used letters, or too many accents on one letter. Choose \
                       another.",
    email_invalid: "This is not an e-mail address. Correct it, or leave it empty.",
    password_short: "Use at least 8 characters for your password.",
    password_long: "Your password is too long. Use at most 1024 bytes.",
    password_is_username: "Your password can’t be your user name.",
    password_common: "This is one of the most common passwords. Choose another one.",
    password_characters: "Your password has characters that can’t be used, like tabs or line breaks.",
    profile_invalid: "Something in your profile can’t be saved like this. Write a date of birth like 1990-12-31.",
    password_wrong: "This is not your current password.",
    busy: "Many people are signing in right now. Please wait a moment, then try again.",
    too_many: "There were too many attempts. Please wait a little, then try again.",
};

const CONSENT: ConsentTexts = ConsentTexts {
    title: Around { before: "Allow ", after: " to use your account?" },
    signed_in_as: Around { before: "You are signed in as ", after: "." },
    allows: "It will be able to:",
    required: "(always required)",
    sent_to: Around {
        before: "Your answer goes to ",
        after: ". Allow this only if you know this address and started from there.",
    },
    approve: "Allow",
    deny: "Don’t allow",
};

const SCOPES: &[(&str, &str)] = &[
    ("openid", "Confirm your identity"),
    ("profile", "See your name and other profile details"),
    ("email", "See your e-mail address"),
    ("address", "See your postal address"),
    ("phone", "See your phone number"),
    ("groups", "See which groups you are in"),
    ("roles", "See your roles"),
    ("permissions", "See your permissions"),
    ("offline_access", "Keep this access while you are away, until you remove it"),
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
