//! The product as an AWS Lambda function, on AWS's own emulator of the runtime: from the start of its process to its first
//! token, with keys in a KMS envelope and records in DynamoDB (`conformance/local-aws` is both).

use crate::Outcome;
use crate::clock::now;
use crate::kms::Kms;
use crate::product::Client;
use crate::rounds::Spread;
use crate::server::{PEAK, cpu_of, memory_of, threads_of};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Events after the first.
const WARM: usize = 50;

/// What starts of a function took.
#[derive(Debug, Serialize)]
pub struct Starts {
    /// From the first event, which lets the emulator start the process, to its answer, in ms.
    first_token: Spread,
    /// Of that, what the function did before it asked for the event, in ms.
    initialisation: Spread,
    /// CPU time of the process until then, in ms.
    cpu: Spread,
    /// A later token, emulator included, in ms.
    warm: Spread,
    /// CPU time of a later token, in ms.
    warm_cpu: Spread,
    /// Peak of resident memory, in MiB.
    memory: Spread,
}

struct Start {
    first_token: f64,
    initialisation: f64,
    cpu: f64,
    warm: f64,
    warm_cpu: f64,
    memory: f64,
}

/// An installation: what an operator prepares, and the variables that a function has.
struct Installed {
    _kms: Kms,
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
    client: Client,
}

/// Starts the function `times` times. `emulator` is `aws-lambda-rie`.
///
/// # Errors
/// If the emulator or the program doesn't do what it should.
pub async fn starts(program: &Path, emulator: &Path, times: usize) -> Outcome<Starts> {
    let program = program.canonicalize()?;
    let installed = Installed::new(&program).await?;
    let mut starts = Vec::with_capacity(times);
    for _ in 0..times {
        starts.push(installed.start(&program, emulator).await?);
    }
    let of = |value: fn(&Start) -> f64| Spread::of(starts.iter().map(value));
    Ok(Starts {
        first_token: of(|it| it.first_token),
        initialisation: of(|it| it.initialisation),
        cpu: of(|it| it.cpu),
        warm: of(|it| it.warm),
        warm_cpu: of(|it| it.warm_cpu),
        memory: of(|it| it.memory),
    })
}

impl Installed {
    async fn new(program: &Path) -> Outcome<Self> {
        let (kms, folder) = (Kms::start()?, TempDir::with_prefix("keyward-bench-")?);
        let settings = vec![
            ("KEYWARD_ISSUER", "https://auth.example".into()),
            ("KEYWARD_STORAGE", "dynamodb:bench".into()),
            ("KEYWARD_KEYS", format!("kms-envelope:{}", kms.wrapping_key().await?)),
            ("KEYWARD_SIGNING_ALGS", "ES256".into()),
            ("AWS_ENDPOINT_URL", kms.url()),
            ("AWS_REGION", "eu-central-1".into()),
            ("AWS_ACCESS_KEY_ID", "bench".into()),
            ("AWS_SECRET_ACCESS_KEY", "bench".into()),
        ];
        let run = |arguments: &[&str]| -> Outcome<Vec<u8>> {
            let mut command = Command::new(program);
            command.current_dir(folder.path()).args(arguments).envs(settings.clone());
            let ran = command.stderr(Stdio::inherit()).output()?;
            if ran.status.success() { Ok(ran.stdout) } else { Err(format!("{command:?} failed").into()) }
        };
        run(&["storage", "migrate"])?;
        run(&["keys", "rotate", "--if-due"])?;
        let client = run(&["client", "create", "--json", "--name", "bench", "--scope", "read"])?;
        let client = serde_json::from_slice(&client)?;
        Ok(Self { _kms: kms, folder, settings, client })
    }

    async fn start(&self, program: &Path, emulator: &Path) -> Outcome<Start> {
        let path = self.folder.path().join("function.log");
        let mut function = Function::new(program, emulator, &self.settings, File::create(&path)?).await?;
        let event = self.event().to_string();
        let begin = now();
        function.token(&event).await?;
        let first_token = milliseconds(begin.elapsed());
        let process = function.process()?;
        let cpu = cpu_of(&threads_of(process)?)?;
        let begin = now();
        for _ in 0..WARM {
            function.token(&event).await?;
        }
        #[expect(clippy::cast_precision_loss, reason = "few")]
        let warm = |all: Duration| milliseconds(all) / WARM as f64;
        let later = begin.elapsed();
        Ok(Start {
            first_token,
            initialisation: logged(&fs::read_to_string(&path)?)?,
            cpu: milliseconds(cpu),
            warm: warm(later),
            warm_cpu: warm(cpu_of(&threads_of(process)?)?.saturating_sub(cpu)),
            #[expect(clippy::cast_precision_loss, reason = "less than 2^52 bytes")]
            memory: memory_of(process, PEAK)? as f64 / f64::from(1 << 20),
        })
    }

    /// A request for a token, as a function URL sends it.
    fn event(&self) -> Value {
        let lines = self.client.head();
        let headers: serde_json::Map<String, Value> = lines
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.into()))
            .collect();
        json!({
            "version": "2.0", "rawPath": "/token", "rawQueryString": "", "headers": headers,
            "requestContext": {
                "requestId": "1", "domainName": "auth.example",
                "http": { "method": "POST", "path": "/token", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" }
            },
            "body": "grant_type=client_credentials", "isBase64Encoded": false
        })
    }
}

/// The emulator and the function that it starts; both are killed when this is dropped.
struct Function {
    emulator: Child,
    address: SocketAddr,
}

impl Function {
    async fn new(program: &Path, emulator: &Path, settings: &[(&str, String)], log: File) -> Outcome<Self> {
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let (address, runtime) = (free()?, free()?);
        let emulator = Command::new(emulator)
            .args(["--runtime-interface-emulator-address", &address.to_string()])
            .args(["--runtime-api-address", &runtime.to_string()])
            .args([program.as_os_str(), "serve".as_ref()])
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}", emulator.display()))?;
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        Ok(Self { emulator, address })
    }

    /// Invokes the function with an event that asks for a token.
    async fn token(&mut self, event: &str) -> Outcome<()> {
        let mut stream = TcpStream::connect(self.address).await?;
        // HTTP/1.0: the answer ends with the connection.
        let head = "POST /2015-03-31/functions/function/invocations HTTP/1.0\r\nContent-Length:";
        stream.write_all(format!("{head} {}\r\n\r\n{event}", event.len()).as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        if answer.contains("access_token") { Ok(()) } else { Err(format!("no token: {answer}").into()) }
    }

    fn process(&self) -> Outcome<u32> {
        let children = |task: std::path::PathBuf| fs::read_to_string(task.join("children")).ok();
        let children: String = threads_of(self.emulator.id())?.into_iter().filter_map(children).collect();
        Ok(children
            .split_whitespace()
            .next()
            .ok_or("the emulator has no process of the function")?
            .parse()?)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // The function is in a process group of its own.
        if let Ok(process) = self.process() {
            let _ = Command::new("kill").args(["-9", &process.to_string()]).status();
        }
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

/// How long the function says that its start took, in ms.
fn logged(log: &str) -> Outcome<f64> {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let started = lines.find_map(|line| line.get("started_ms").and_then(Value::as_f64));
    Ok(started.ok_or("the function didn't log its start")?)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl fmt::Display for Starts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| function on the emulator | median | smallest | largest |\n|---|---|---|---|")?;
        for (name, Spread { median, min, max }) in [
            ("start to first token, ms", &self.first_token),
            ("of that, initialisation, ms", &self.initialisation),
            ("CPU until the first token, ms", &self.cpu),
            ("a later token, ms", &self.warm),
            ("CPU of a later token, ms", &self.warm_cpu),
            ("peak memory, MiB", &self.memory),
        ] {
            writeln!(f, "| {name} | {median:.2} | {min:.2} | {max:.2} |")?;
        }
        Ok(())
    }
}
