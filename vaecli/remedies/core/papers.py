"""Papers as methods by name: what each ran, as remedies with its recipe.

``he2019`` is ``lagging+linear_anneal`` under ``--protocol published``; results bear the name of the composition.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PaperMethod:
    """What a paper ran.

    Attributes:
        method: The remedies joined with ``+``, in alphabetical order.
        leads: The one of them whose recipe it is.
        source: Authors, year, title or venue, arXiv id.
    """

    method: str
    leads: str
    source: str


PAPERS: dict[str, PaperMethod] = {
    "bowman2016": PaperMethod(
        "sigmoid_anneal+word_dropout", "word_dropout", "Bowman et al. 2016, CoNLL, arXiv:1511.06349, table 2"
    ),
    "kim2018": PaperMethod("linear_anneal+semi_amortized", "semi_amortized", "Kim et al. 2018, ICML, arXiv:1802.02550"),
    "xu2018": PaperMethod("vmf", "vmf", "Xu & Durrett 2018, EMNLP, arXiv:1808.10805"),
    "he2019": PaperMethod("lagging+linear_anneal", "lagging", "He et al. 2019, ICLR, arXiv:1901.05534"),
    "li2019": PaperMethod(
        "ae_pretrain+free_bits+linear_anneal", "ae_pretrain", "Li et al. 2019, EMNLP, arXiv:1909.00868"
    ),
    "fu2019": PaperMethod("cyclical", "cyclical", "Fu et al. 2019, NAACL, arXiv:1903.10145"),
    "prokhorov2019": PaperMethod("target_kl", "target_kl", "Prokhorov et al. 2019, WNGT, arXiv:1909.13668"),
    "bahuleyan2019": PaperMethod("wae_s", "wae_s", "Bahuleyan et al. 2019, NAACL, arXiv:1806.08462"),
    "liu2019": PaperMethod("mu_forcing", "mu_forcing", "Liu et al. 2019, TALLIP, arXiv:1905.10072"),
    "li2019_hr": PaperMethod("hr", "hr", "Li et al. 2019, INLG, arXiv:1911.05343"),
    "zhu2020": PaperMethod("bn+linear_anneal", "bn", "Zhu et al. 2020, ACL, arXiv:2004.12585"),
    "livne2020": PaperMethod("mim", "mim", "Livne et al. 2020, arXiv:2003.02645"),
    "pelsmaeker2020": PaperMethod("mdr", "mdr", "Pelsmaeker & Aziz 2020, ACL, arXiv:1904.08194"),
    "shao2020": PaperMethod("control", "control", "Shao et al. 2020, ICML, arXiv:2004.05967"),
    "shen2020": PaperMethod("denoising+info_js", "denoising", "Shen et al. 2020, ICML, arXiv:1905.12777"),
    "li2020": PaperMethod("twr", "twr", "Li et al. 2020, COLING, arXiv:2011.01136"),
    "shen2021": PaperMethod("du+linear_anneal", "du", "Shen et al. 2021, IJCAI, arXiv:2110.12381"),
    "zhang2022": PaperMethod("dg", "dg", "Zhang et al. 2022, NeurIPS, arXiv:2211.00321"),
}
"""By the name of first author and year."""
