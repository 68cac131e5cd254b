#!/usr/bin/env bash
# r-cran-stringdist 0.9.10-1 (Debian bookworm's stringdist 0.9.10, R 4.2.2): two different words or sentences that are both shorter than q are the same by q-grams: "cat" and "dog" with q = 4, or "the cat
# sat" and "a dog ran" as words with q = 4, have a Jaccard and cosine similarity of 1.
# Guess before: NA, an error, or 0: the help says that the q-gram distance is aborted where q is larger than the length of any of the two.
# Seen: `stringdist` of them is 0 by "qgram", "cosine" and "jaccard", `stringsim` 1 by the last two and NaN by the first; "cat" with "dogs" 0, by "cosine" NaN. With q = 2 all is right. No
#       warning; `seq_dist` and `seq_sim` of lists of ids are the same
# What follows for a user: the share of near copies among a decoder's samples, or with the training set, has each pair of short sentences in it, the more the shorter they are: a model that ends
# its sentences early is one that repeats itself. Leave out sentences of fewer than q words, or count them apart.
# Here the likeness of samples is self-BLEU, of 1- to 4-grams (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 r-cran-stringdist=0.9.10-1
apt-get download -q=2 r-base-core=4.2.2.20221110-2 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 libquadmath0=12.2.0-14+deb12u1
apt-get download -q=2 libgomp1=12.2.0-14+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1 libreadline8=8.2-1.3 libtirpc3=1.3.3+ds-1
for package in *.deb; do dpkg -x "$package" .; done
ln -sf Renviron.ucf usr/lib/R/etc/Renviron
export R_HOME="$folder/usr/lib/R" R_SHARE_DIR="$folder/usr/share/R/share" R_LIBS="$folder/usr/lib/R/site-library" R_LIBS_SITE="" R_LIBS_USER=""
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$R_HOME/lib:$libraries:$libraries/blas:$libraries/lapack:${libraries/usr\//}"
"$R_HOME/bin/exec/R" --no-echo --no-restore --vanilla <<'R'
library(stringdist)
cat("version", as.character(packageVersion("stringdist")), R.version.string, "\n")
methods <- c("qgram", "cosine", "jaccard")
warned <- FALSE
by <- function(f, ...) withCallingHandlers(sapply(methods, function(method) f(..., method = method)), warning = function(w) warned <<- TRUE)
sentences <- list(strsplit("the cat sat", " ")[[1]], strsplit("a dog ran", " ")[[1]])
vocabulary <- unique(unlist(sentences))
ids <- lapply(sentences, match, vocabulary)
distances <- rbind(shorter = by(stringdist, "cat", "dog", q = 4), words = by(seq_dist, ids[1], ids[2], q = 4), right = by(stringdist, "cat", "dog", q = 2))
likeness <- rbind(shorter = by(stringsim, "cat", "dog", q = 4), one_shorter = by(stringsim, "cat", "dogs", q = 4), words = by(seq_sim, ids[1], ids[2], q = 4),
                  right = by(stringsim, "cat", "dog", q = 2), words_right = by(seq_sim, ids[1], ids[2], q = 2))
print(distances)
print(likeness)
cat("warned", warned, "\n")
stopifnot(
  "what is shorter than q has no distance from now" = all(distances[c("shorter", "words"), ] == 0),
  all(likeness[c("shorter", "words"), c("cosine", "jaccard")] == 1), is.nan(likeness["shorter", "qgram"]),
  all(distances["right", c("cosine", "jaccard")] == 1), distances["right", "qgram"] == 4,
  likeness["one_shorter", "jaccard"] == 0, is.nan(likeness["one_shorter", "cosine"]),
  all(likeness[c("right", "words_right"), ] == 0),
  !warned
)
R
