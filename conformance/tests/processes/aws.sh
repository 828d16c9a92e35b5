#!/bin/sh
# Stands in for the AWS CLI, so that the commands of a guide run without it: sends the same call to the endpoint of
# AWS_ENDPOINT_URL_KMS. It takes `aws kms OPERATION` with the options below, and `--query A.B --output text`.
set -eu
[ "$1" = kms ] || { echo "aws: only kms" >&2; exit 252; }
# create-key is CreateKey
capitals() { printf %s "$1" | awk -F- '{ for (i = 1; i <= NF; i++) printf "%s%s", toupper(substr($i, 1, 1)), substr($i, 2) }'; }
operation=$(capitals "$2")
shift 2
body='' query=''
while [ $# -gt 0 ]; do
    case $1 in
        --query) query=${2##*.} ;;
        --output) [ "$2" = text ] ;;
        --pending-window-in-days) body="$body,\"$(capitals "${1#--}")\":$2" ;;
        --alias-name | --description | --key-id | --target-key-id) body="$body,\"$(capitals "${1#--}")\":\"$2\"" ;;
        *) echo "aws: unknown option $1" >&2; exit 252 ;;
    esac
    shift 2
done
signed="Credential=$AWS_ACCESS_KEY_ID/20270101/$AWS_REGION/kms/aws4_request, SignedHeaders=host, Signature=0"
answer=$(curl -s --fail-with-body "$AWS_ENDPOINT_URL_KMS" -H "X-Amz-Target: TrentService.$operation" \
    -H 'Content-Type: application/x-amz-json-1.1' -H "Authorization: AWS4-HMAC-SHA256 $signed" -d "{${body#,}}") \
    || { printf '%s\n' "$answer" >&2; exit 254; }
if [ -n "$query" ]; then
    printf '%s' "$answer" | sed -n "s/.*\"$query\":\"\([^\"]*\)\".*/\1/p"
else
    printf '%s\n' "$answer"
fi
