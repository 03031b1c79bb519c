"""What the words of packages mean, and which licences are allowed, with reasons."""

# How packages without an expression of SPDX write it: the field, or the classifier without its beginning.
SPELLINGS = {
    "Apache 2.0": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "Apache": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "MIT": "MIT",
    "MIT License": "MIT",
    "MIT OR Apache-2.0": "MIT OR Apache-2.0",
    "BSD-2-Clause": "BSD-2-Clause",
    "2-clause BSD": "BSD-2-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "New BSD": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "PSF-2.0": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "MPL-2.0": "MPL-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Unlicense": "Unlicense",
    "BSD-derived (http://www.repoze.org/LICENSE.txt)": "BSD-3-Clause-Modification",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",
}
# Packages whose metadata says nothing that can be used; their file of the licence was read.
FILES_THAT_WERE_READ = {"skops": "MIT"}
# They ask for their notice to be kept, which the packages do themselves.
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Modification", "CC0-1.0", "ISC"),
    *("MIT", "MIT-0", "PSF-2.0", "Unlicense", "Zlib"),
}
# Licence: which packages may have it, and why.
OF_PACKAGES = {
    "MPL-2.0": (
        {"certifi", "orjson", "hypothesis", "pathspec"},
        "asks for changes of its own files to be published; we change none.",
    ),
    "LGPL-3.0-only": (
        {"psycopg", "psycopg-binary"},
        "asks that it can be replaced; it is a package of its own, unchanged, for migrations.",
    ),
}
