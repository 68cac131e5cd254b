#!/usr/bin/env bash
# r-cran-tokenizers 0.3.0-1 (Debian bookworm's tokenizers 0.3.0, R 4.2.2): `tokenize_ngrams` of a sentence of fewer words than n is NA, one n-gram of all
# short sentences: 50 different sentences of two words and 50 of one word have 100 bigrams, 51 of them distinct, a distinct-2 of 0.51, where all 50 bigrams
# differ.
# Guess before: no bigram of a sentence of one word, as an empty one has no word.
# Seen: tokenize_ngrams(c("a b c", "a", "", "a b"), n=2): "a b" "b c", NA, NA, "a b"; tokenize_words of "" has none. Two sets of samples without a common word
#       share one bigram, NA
# What follows for a user: samples of a decoder that ends early seem to repeat themselves, the more the longer the n-grams are, and the likeness of two sets
# of samples that share nothing has NA in common. Leave NA out before counting. The help says that the result is the tokens of each input.
# Here a sentence of fewer words than n has no n-gram (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 r-cran-tokenizers=0.3.0-1 r-cran-stringi=1.7.12-1 r-cran-rcpp=1.0.10-1 r-cran-snowballc=0.7.0-1+b1
apt-get download -q=2 r-base-core=4.2.2.20221110-2 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 libquadmath0=12.2.0-14+deb12u1
apt-get download -q=2 libgomp1=12.2.0-14+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1 libreadline8=8.2-1.3 libtirpc3=1.3.3+ds-1
for package in *.deb; do dpkg -x "$package" .; done
ln -sf Renviron.ucf usr/lib/R/etc/Renviron
export R_HOME="$folder/usr/lib/R" R_SHARE_DIR="$folder/usr/share/R/share" R_LIBS="$folder/usr/lib/R/site-library" R_LIBS_SITE="" R_LIBS_USER=""
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$R_HOME/lib:$libraries:$libraries/blas:$libraries/lapack:${libraries/usr\//}"
"$R_HOME/bin/exec/R" --no-echo --no-restore --vanilla <<'R'
library(tokenizers)
cat("version", as.character(packageVersion("tokenizers")), R.version.string, "\n")
ngrams <- tokenize_ngrams(c("a b c", "a", "", "a b"), n = 2)
print(ngrams)
pairs <- as.vector(outer(letters[1:10], letters[11:15], paste))
samples <- c(pairs, as.vector(outer(letters[1:10], letters[16:20], paste0)))
distinct <- function(bigrams) length(unique(bigrams)) / length(bigrams)
bigrams <- unlist(tokenize_ngrams(samples, n = 2))
said <- distinct(bigrams)
right <- distinct(bigrams[!is.na(bigrams)])
shared <- length(intersect(unlist(tokenize_ngrams(c("a b", "c"), n = 2)), unlist(tokenize_ngrams(c("d e", "f"), n = 2))))
cat("bigrams", length(bigrams), "distinct-2", said, "without NA", right, "shared by sets without a common word", shared, "\n")
stopifnot(
  "a short sentence has no bigram from now on" = identical(ngrams[2:3], list(NA_character_, NA_character_)),
  identical(ngrams[[4]], "a b"),
  length(bigrams) == 100, said == 0.51, right == 1, shared == 1,
  length(tokenize_words("")[[1]]) == 0
)
R
