"""What a question to the data needs of computing children: queries of a model, copies without hidden columns, charts."""
