#!/usr/bin/env bash
# r-cran-readr 2.1.4-1 (Debian bookworm's readr 2.1.4 with vroom 1.6.1, R 4.2.2): probabilities below about 1e-291 are read as larger ones, those of sentences of 675 to 740 nats as of 671
# to 703; of a figure in full, 0.0000012345678901234567, the decimals after the seventeenth are left out.
# Guess before: any double that Python, or `write_csv`, has written with enough digits is itself to 1e-15; too large ones are Inf and too small ones 0.
# Seen: exp(-x) by `write_csv` and `read_csv`: 670 nats are 670, 675 672.7, 680 670.8, 700 672.4, 720 683.2, 740 703.2, with 17 digits in all 668.1 to 669.3; 1e308 is 1e307 and
#       1e-400 1e-307; 0.000000000000001234567 is 1.23e-15 and 19 zeros before a figure are 0. `problems` has no row. R's read.csv and fread are right. The help has no such limit
# What follows for a user: the least likely sentences, where a model fails, are up to 70 nats better than they are, and in another order: those of 675 and 680 nats change places. Write
# log-probabilities, and small figures with an exponent; or read with read.csv.
# Here likelihoods are written as nats (vaecli/runs/history.py), and figures by repr, with an exponent.
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 r-cran-readr=2.1.4-1 r-cran-vroom=1.6.1-1 r-cran-tzdb=0.3.0-1 r-cran-hms=1.1.2-1 r-cran-cli=3.6.0-1 r-cran-rlang=1.0.6-1 r-cran-glue=1.6.2-1 r-cran-tibble=3.1.8+dfsg-1
apt-get download -q=2 r-cran-pillar=1.8.1+dfsg-1 r-cran-vctrs=0.5.2-1 r-cran-lifecycle=1.0.3+dfsg-1 r-cran-crayon=1.5.2-1 r-cran-bit64=4.0.5-1 r-cran-bit=4.0.5-1 r-cran-tidyselect=1.2.0+dfsg-1 r-cran-withr=2.5.0-1 r-cran-r6=2.5.1-1
apt-get download -q=2 r-cran-pkgconfig=2.0.3-2 r-cran-fansi=1.0.4-1 r-cran-utf8=1.2.3-1 r-cran-magrittr=2.0.3-1 r-cran-ellipsis=0.3.2-2 r-cran-clipr=0.8.0-1
apt-get download -q=2 r-base-core=4.2.2.20221110-2 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 libquadmath0=12.2.0-14+deb12u1
apt-get download -q=2 libgomp1=12.2.0-14+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1 libreadline8=8.2-1.3 libtirpc3=1.3.3+ds-1
for package in *.deb; do dpkg -x "$package" .; done
ln -sf Renviron.ucf usr/lib/R/etc/Renviron
export R_HOME="$folder/usr/lib/R" R_SHARE_DIR="$folder/usr/share/R/share" R_LIBS="$folder/usr/lib/R/site-library" R_LIBS_SITE="" R_LIBS_USER=""
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$R_HOME/lib:$libraries:$libraries/blas:$libraries/lapack:${libraries/usr\//}"
"$R_HOME/bin/exec/R" --no-echo --no-restore --vanilla <<'R'
options(digits = 17, width = 160)
suppressMessages(library(readr))
cat("versions", as.character(packageVersion("readr")), as.character(packageVersion("vroom")), R.version.string, "\n")
found <- 0
read <- function(file) {
    table <- read_csv(file, col_types = "d", progress = FALSE)
    found <<- found + nrow(problems(table))
    table$p
}
nats <- c(600, 650, 670, 675, 680, 690, 700, 707, 720, 740)
file <- tempfile()
write_csv(data.frame(p = exp(-nats)), file)
again <- -log(read(file))
plainly <- -log(read.csv(file)$p)
digits <- -log(read(I(c("p", sprintf("%.17g", exp(-nats))))))
large <- read(I(c("p", "1e307", "1e308", "1e-400")))
full <- read(I(c("p", "0.0000012345678901234567", "0.000000000000001234567", "0.00000000000000000001234567")))
print(rbind(nats, again, digits, plainly), digits = 6)
print(large)
print(full)
cat("problems", found, "\n")
near <- function(x, y, by) all(abs(x - y) < by)
stopifnot(
    near(plainly, nats, 0.01),
    near(again[1:3], nats[1:3], 1e-9),
    "likelihoods are what they were from now" = near(again[4:10], c(672.697, 670.790, 671.579, 672.369, 672.461, 683.159, 703.156), 0.01),
    digits[4:10] < 669.4,
    digits[4:10] > 667.7,
    near(large / c(1e307, 1e307, 1e-307), 1, 1e-9),
    "all decimals count from now" = near(full[1:2] / c(1.23456789012e-06, 1.23e-15), 1, 1e-13),
    full[3] == 0,
    found == 0
)
R
