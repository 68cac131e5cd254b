#!/usr/bin/env bash
# geoopt 0.5.1: on the `Sphere` in float32 every point is 0.0141 from itself, and so is whatever is nearer: the cosine is held below 1 - 1e-4, without a
# gradient, and the logarithm of an exponential is as long. On the `PoincareBall` no distance is above 16.81, in float64 too; on the `Lorentz` model it may be
# NaN to itself.
# Guess before: 0 to itself within 1e-3, the logarithm undoes the exponential within 1e-5, distances on the ball in float64 within 1e-3, on the hyperboloid 0.
# Seen: 500 points on the sphere in 16 dimensions: 0.01414 to themselves (7.2e-4 in float64) and to points that are 0.001 away, gradient 0, logarithm 0.01414
#       for 0.001; opposite points of the ball 1e-4 from its border: 16.81 for 19.81, 1e-8 from it: 16.81 for 38.23; hyperboloid at radius 10: 128 of 500 NaN,
#       others up to 3.87
# What follows for a user: codes on a sphere that have collapsed to a point look 0.014 apart, and a loss of distances moves none of them; opposite hyperbolic
# codes stop drifting apart at 0.9996 of the radius. Take the chord, 2 asin(|x - y| / 2), and float64.
# Here no distance is an arc: codes on a sphere are told apart by their densities (vaecli/model/von_mises_fisher.py), whose normaliser is computed in float64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check geoopt==0.5.1 torch==2.13.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
import math
from importlib.metadata import version

import geoopt
import torch

torch.manual_seed(0)
sphere, ball, lorentz = geoopt.Sphere(), geoopt.PoincareBall(), geoopt.Lorentz()
points = torch.nn.functional.normalize(torch.randn(500, 16), dim=1)
itself = sphere.dist(points, points)
exact = sphere.dist(points.double(), points.double())
step = sphere.proju(points, torch.randn(500, 16))
step = 1e-3 * step / step.norm(dim=1, keepdim=True)
there = sphere.expmap(points, step)
back = sphere.logmap(points, there).norm(dim=1)
near = there.clone().requires_grad_()
sphere.dist(points, near).sum().backward()
print("version", version("geoopt"), "sphere, float32: to itself", itself.min().item(), "to", itself.max().item(), "float64", exact.max().item())
print("0.001 away:", sphere.dist(points, there).mean().item(), "gradient", near.grad.abs().max().item(), "logarithm of the exponential", back.mean().item())
radii = {}
for short in (1e-2, 1e-4, 1e-6, 1e-8):  # two points of opposite directions, 1 - short from the origin
    end = torch.tensor([[1 - short, 0.0]], dtype=torch.float64)
    radii[short] = (ball.dist(end, -end).item(), 4 * math.atanh(1 - short))
far = math.sinh(10) * points.double()
far = torch.cat([(1 + (far**2).sum(1, keepdim=True)).sqrt(), far], 1).float()
hyperboloid = lorentz.dist(far, far)
print("Poincare ball, float64, and the exact distance", radii)
print("hyperboloid, float32, radius 10: to itself, NaN", hyperboloid.isnan().sum().item(), "of 500, largest", hyperboloid.nan_to_num(0).max().item())
assert itself.min() > 0.0141 and exact.max() > 1e-4, "a point is at 0 from itself from now"
assert torch.allclose(sphere.dist(points, there), itself) and near.grad.abs().max() == 0, "short distances are seen from now"
assert back.min() > 0.01, "the logarithm undoes the exponential from now"
assert abs(radii[1e-2][0] - radii[1e-2][1]) < 1e-6
assert abs(radii[1e-6][0] - radii[1e-8][0]) < 1e-6 and radii[1e-8][1] - radii[1e-8][0] > 20, "long distances are seen from now"
assert hyperboloid.isnan().any(), "a point is near itself from now"
PY
