"""What questions need of computing children: queries of a model, copies without hidden columns, charts."""
