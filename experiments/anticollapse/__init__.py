"""Information per nat of neg_elbo: two methods of our own against those that bought it at the least price."""
