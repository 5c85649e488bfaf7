#!/bin/sh
# The marketplace's side of the signatures, by openssl alone: another hand than the product's.
# usage: marketplace.sh v2 URL KEY BODY | marketplace.sh v1 URL KEY 'sorted=query&as=text'
set -eu
version=$1 url=$2 key=$3 text=$4
hmac() { openssl dgst -sha256 -hmac "$1" -r | cut -d' ' -f1; }
encode() { printf %s "$1" | sed -e 's/%/%25/g' -e 's/+/%2B/g' -e 's|/|%2F|g' -e 's/=/%3D/g' -e 's/ /%20/g' -e 's/&/%26/g'; }
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT
if [ "$version" = v2 ]; then
  timestamp=$(date +%s)000
  nonce=$(openssl rand -hex 32)
  body_hex=$(printf %s "$text" | hmac "$key")
  signature=$(printf %s "$key$nonce$timestamp$body_hex" | hmac "$key")
  curl -sS -X POST -H 'Content-Type: application/json' --data-binary "$text" \
    "$url?signature=$signature&timestamp=$timestamp&nonce=$nonce"
else
  stamp=$(date -u +%Y%m%d%H%M%S)000
  # timeStamp sorts after all names that are used here.
  text="$text&timeStamp=$stamp"
  token=$(printf %s "$text" | openssl dgst -sha256 -hmac "$key$stamp" -binary | openssl base64 -A)
  body=$(curl -sS -D "$headers" "$url?$(printf %s "$text" | sed 's/ /%20/g')&authToken=$(encode "$token")")
  sign=$(printf %s "$body" | openssl dgst -sha256 -hmac "$key" -binary | openssl base64 -A)
  grep -qiF "Body-Sign: sign_type=\"HMAC-SHA256\", signature= \"$sign\"" "$headers" || { echo "Body-Sign is wrong" >&2; exit 1; }
  printf %s "$body"
fi
