#!/usr/bin/env bash
# Deploys Keyward to the AWS account of the environment, or updates it. Everything it makes is in one stack and one bucket.
#
#   deploy/deploy.sh [--stack NAME] [--zip FILE] [--for-import] [PARAMETER=VALUE]...
#
# --stack       the stack's name, `keyward` if absent
# --zip         the program, target/lambda/keyward-arm64.zip if absent; `just package` makes it
# --for-import  stop before the first keys are made, so that an existing server can be moved into the table
# PARAMETER=VALUE  parameters of template.yaml; those that are not given stay as they are
# --help        print this
#
# Region and credentials come from the standard AWS variables and files.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
template=$here/template.yaml
stack=keyward
zip=${here%/*}/target/lambda/keyward-arm64.zip
parameters=()
for_import=

fail() { printf 'deploy.sh: %s\n' "$*" >&2; exit 1; }
say() { printf '\n== %s\n' "$*"; }
misused() { printf 'deploy.sh: %s\nSee deploy/deploy.sh --help\n' "$*" >&2; exit 2; }

known=$(sed -n '/^Parameters:/,/^[^ ]/s/^  \([A-Za-z]*\):$/\1/p' "$template")
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit ;;
    --stack) [ -n "${2:-}" ] || misused "--stack needs a name"; stack=$2; shift 2 ;;
    --zip) [ -n "${2:-}" ] || misused "--zip needs a file"; zip=$2; shift 2 ;;
    --for-import) for_import=yes; shift ;;
    CodeBucket=* | CodeKey=* | Architecture=*) misused "${1%%=*} follows from the program: use --zip" ;;
    *=*)
      # The AWS CLI ignores parameters that the template doesn't have.
      grep -qxF -e "${1%%=*}" <<<"$known" || misused "there is no parameter ${1%%=*}, only ${known//$'\n'/, }"
      parameters+=("$1"); shift ;;
    *) misused "$1 is neither an option nor PARAMETER=VALUE" ;;
  esac
done

for tool in aws curl openssl unzip; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done
[ -f "$zip" ] || fail "there is no $zip: run \`just package\` first, or name a program with --zip"
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
[ -n "$region" ] || fail "no region is known: set AWS_REGION"
export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=''
account=$(aws sts get-caller-identity --query Account --output text)

# ELF's e_machine says what the program was built for.
machine=$({ unzip -p "$zip" bootstrap 2>/dev/null || true; } | od -An -tx1 -j18 -N2 | tr -d ' ')
case $machine in
  b700) architecture=arm64 ;;
  3e00) architecture=x86_64 ;;
  *) fail "$zip has no \`bootstrap\` for arm64 or x86_64 in it" ;;
esac

# Prints one output of the stack; nothing if there is no such stack or output.
output() {
  local found
  found=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue" 2>/dev/null) || return 0
  [ "$found" = None ] || printf '%s' "$found"
}

given() {
  local parameter
  for parameter in "${parameters[@]}"; do [ "${parameter%%=*}" = "$1" ] && printf '%s' "${parameter#*=}"; done
  return 0
}

# Prints what a query finds in the latest events of the stack; nothing if there is no such stack or event.
events() {
  local found
  found=$(aws cloudformation describe-stack-events --stack-name "$stack" --no-paginate --output text --query "$1" \
    2>/dev/null) || return 0
  [ "$found" = None ] || printf '%s' "$found"
}

deploy() {
  local before events
  before=$(events 'StackEvents[0].Timestamp')
  aws cloudformation deploy --stack-name "$stack" --template-file "$template" --s3-bucket "$bucket" \
    --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset \
    --parameter-overrides "CodeBucket=$bucket" "CodeKey=$key" "Architecture=$architecture" "$@" && return
  events=$(events "StackEvents[?Timestamp > '$before' && contains(ResourceStatus, 'FAILED')].[LogicalResourceId, ResourceStatusReason]")
  [ -n "$events" ] || fail "the stack $stack was not deployed: see the error above"
  printf '%s\n' "$events" >&2
  fail "the stack $stack was not deployed; the first failure is the last line above"
}

say "the program ($architecture), in the account $account and the region $region"
bucket=keyward-programs-$account-$region
if ! aws s3api head-bucket --bucket "$bucket" >/dev/null 2>&1; then
  aws s3 mb "s3://$bucket"
  aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
fi
key=$(openssl dgst -sha256 -r "$zip" | cut -d' ' -f1).zip
aws s3api head-object --bucket "$bucket" --key "$key" >/dev/null 2>&1 || aws s3 cp --no-progress "$zip" "s3://$bucket/$key"

say "the stack $stack"
status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text 2>/dev/null || true)
if [ "$status" = ROLLBACK_COMPLETE ]; then
  # Its creation failed, and such a stack can only be deleted.
  aws cloudformation delete-stack --stack-name "$stack"
  aws cloudformation wait stack-delete-complete --stack-name "$stack"
fi
former=$(output CodeKey)
if [ "$(given CloudFront)" = true ] && [ -z "$(given OriginSecret)" ] && [ "$(output CloudFront)" != true ]; then
  parameters+=("OriginSecret=$(openssl rand -hex 32)")
fi
deploy "${parameters[@]}"
url=$(output Url)
if [ -n "$for_import" ]; then
  [ -z "$(output Issuer)" ] || fail "the stack $stack has an issuer, so it has keys: move into a new stack"
  printf '\nThe table is empty, and no function runs yet. deploy/README.md says how to move a server into it.\n\n'
  printf '  export AWS_REGION=%s AWS_DEFAULT_REGION=%s KEYWARD_STORAGE=dynamodb:%s KMS=%s\n' \
    "$region" "$region" "$(output Table)" "$(output Keys)"
  exit
fi
if [ -z "$(output Issuer)" ]; then
  # AWS chooses the URL when it makes the function, which has to know it. Until now the schedule is off.
  say "the issuer, ${url%/}"
  deploy "Issuer=${url%/}"
fi
issuer=$(output Issuer)

say "the keys"
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
printf '{"source": "aws.events", "detail-type": "Scheduled Event"}' >"$files/event"
invoked=$(aws lambda invoke --function-name "$(output RotationFunction)" --payload "fileb://$files/event" \
  --query FunctionError --output text "$files/answer")
cat "$files/answer"; echo
[ "$invoked" = None ] || fail "the rotation function failed: read its log, and run this script again"

say "the server"
# A new name takes a while until it is known everywhere.
for _ in $(seq 60); do
  ready=$(curl -s -o /dev/null -w '%{http_code}' --max-time 10 "${issuer}/readyz" || true)
  [ "$ready" = 200 ] && break
  sleep 2
done
if [ "$ready" != 200 ]; then
  [ -z "$former" ] || printf 'The program before this one: aws s3 cp s3://%s/%s former.zip; deploy/deploy.sh --stack %s --zip former.zip\n' "$bucket" "$former" "$stack" >&2
  fail "$issuer/readyz answers $ready: read the log of the function $(output TokenFunction)"
fi
seen=$(curl -sf "${issuer}/.well-known/openid-configuration" | sed 's/.*"issuer" *: *"\([^"]*\)".*/\1/')
[ "$seen" = "$issuer" ] || fail "the server says that its issuer is $seen, not $issuer"

cat <<END

Keyward runs. Its issuer is $issuer

To create clients and users from this machine, with your own credentials:

  export AWS_REGION=$region AWS_DEFAULT_REGION=$region KEYWARD_STORAGE=dynamodb:$(output Table) KEYWARD_KEYS=$(output Keys)
  keyward client create --name "Nightly report" --scope reports:read
  curl -u CLIENT_ID:CLIENT_SECRET -d grant_type=client_credentials $issuer/token
  printf 'a long enough password' | keyward user create --username alice --password-stdin

Users sign in at $issuer/account
END
