"""What the AI service is sent and answers with."""
